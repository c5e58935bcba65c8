/** What the examples have in common as commands: their options, and the port they listen on. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

export interface Command {
  /** As messages call it: `the demo`. */
  readonly title: string
  /** How it is started: `npm run demo`. */
  readonly run: string
  /** What it does, for `--help`. */
  readonly about: string
  /** What it does with `--once`, for `--help`. */
  readonly once: string
}

export interface Options {
  /** 0 for one that is free, `undefined` for 3000, or one that is free if that is taken. */
  readonly port: number | undefined
  /** Ends after its own request. */
  readonly isOnce: boolean
}

const options = ['--port=<number>', '--once', '--help'] as const

/** Reads `--port`, `--once`, `--help` and `PORT`. What it cannot read ends the process. */
export function readOptions(command: Command): Options {
  const { tokens } = parseArgs({
    options: { port: { type: 'string' }, once: { type: 'boolean' }, help: { type: 'boolean' } },
    strict: false,
    tokens: true,
  })
  let port = process.env['PORT'] || undefined
  let isOnce = false
  const known = `pass only ${options.slice(0, -1).join(', ')} and ${options.at(-1)}`
  for (const token of tokens) {
    const text = process.argv[token.index + 2]
    if (token.kind !== 'option') fail(command, `it is given ${text}, ${known}`)
    else if (token.name === 'port') port = token.value ?? ''
    else if (token.rawName === '--once' && token.value === undefined) isOnce = true
    else if (token.rawName === '--help' && token.value === undefined) help(command)
    else fail(command, `there is no option ${text}, ${known}`)
  }
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)) {
    fail(command, `the port is '${port}', pass a number from 0 to 65535`)
  }
  return { port: port === undefined ? undefined : Number(port), isOnce }
}

/** Resolves with the origin that is served. A port that cannot be had ends the process. */
export async function listen(
  command: Command,
  server: Server,
  port: Options['port'],
): Promise<string> {
  try {
    await listenOn(server, port ?? 3000)
  } catch (error) {
    if (port === undefined) await listenOn(server, 0)
    else {
      const { code } = error as NodeJS.ErrnoException
      const problem = code === 'EADDRINUSE' ? 'taken' : `refused (${code})`
      fail(command, `port ${port} is ${problem}, pass another`)
    }
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Says in one sentence why the example does not start, and ends the process. */
export function fail({ title }: Command, problem: string): never {
  console.error(`Cannot start ${title}: ${problem}`)
  process.exit(1)
}

/** Resolves when somebody asks the process to end. A second time changes nothing: npm sends it too. */
export function untilStopped(): Promise<unknown> {
  return new Promise((resolve) => process.on('SIGINT', resolve).on('SIGTERM', resolve))
}

function help({ run, about, once: whatOnce }: Command): never {
  console.log(`Usage: ${run} -- [${options.join('] [')}]

${about}

  --port=<number>  listens on this port, or on one that is free for 0
                   (default: PORT, else 3000, else one that is free)
  --once           ${whatOnce}
  --help           prints this`)
  process.exit()
}

async function listenOn(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}
