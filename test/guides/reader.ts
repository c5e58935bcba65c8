import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from '../support/server-process.ts'
import packageJson from './package.json' with { type: 'json' }
import { guides, readersEnvironment } from './shell.ts'
import type { Step } from './steps.ts'

const packages = { 'background-tasks': '*', ...packageJson.dependencies }

/** How long a reader waits for anything. */
const patience = 30_000

/** The port that the pages name; each reader has a free one of its own. */
const namedPort = '3000'

interface Program {
  readonly child: ChildProcess
  readonly command: string
  /** What it has printed that no step has shown yet, with the port that the page names. */
  unseen: string
  /** Anything it has printed names the port, so that it can be asked. */
  listens: boolean
  exit: number | NodeJS.Signals | undefined
  readonly ended: Promise<unknown>
}

/**
 * Does what a page says, in an empty folder, and compares what is to be seen.
 *
 * @param variables Of the environment, for what the page expects to be there.
 * @throws If anything differs, with the line of the page.
 */
export async function followSteps(
  path: string,
  steps: readonly Step[],
  variables: NodeJS.ProcessEnv = {},
): Promise<void> {
  await mkdir(join(guides, '.readers'), { recursive: true })
  const folder = await mkdtemp(join(guides, '.readers/'))
  // What `npm install` leaves there.
  await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies: packages }))
  await symlink(join(guides, 'node_modules'), join(folder, 'node_modules'), 'dir')
  const port = String(await freePort())
  const env = { ...readersEnvironment(), PORT: port, ...variables }
  const toPage = (text: string): string => text.replaceAll(`:${port}`, `:${namedPort}`)
  const toPort = (text: string): string => text.replaceAll(namedPort, port)
  let program: Program | undefined

  try {
    for (const [index, step] of steps.entries()) {
      try {
        await follow(step, steps[index - 1])
      } catch (error) {
        throw new Error(`${path}:${step.line} ${String(error)}`, { cause: error })
      }
    }
    await finish()
  } finally {
    if (program !== undefined) await stop(program, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }

  async function follow(step: Step, last: Step | undefined): Promise<void> {
    switch (step.kind) {
      case 'save':
        // A program that is to be saved anew has been seen.
        await finish()
        await mkdir(dirname(join(folder, step.file)), { recursive: true })
        return writeFile(join(folder, step.file), step.code)
      case 'run':
        await finish()
        program = start(toPort(step.command))
        return
      case 'ask':
        return ask(step.command, step.answer)
      case 'see':
        return see(step.printed, last?.kind === 'run')
      case 'interrupt':
        if (program === undefined) throw new Error('there is nothing to interrupt')
        await until(program, () => program?.listens === true, 'listens')
        program.child.kill('SIGINT')
    }
  }

  function start(command: string): Program {
    const child = spawn('sh', ['-c', `exec ${command}`], { cwd: folder, env, detached: true })
    const started: Program = {
      child,
      command,
      unseen: '',
      listens: false,
      exit: undefined,
      ended: once(child, 'close').then(([code, signal]) => (started.exit = code ?? signal)),
    }
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => {
        started.unseen += toPage(text)
        started.listens ||= text.includes(`:${port}`)
        child.emit('printed')
      })
    }
    return started
  }

  async function ask(command: string, answer: string): Promise<void> {
    const asked = program
    if (asked !== undefined) {
      await until(asked, () => asked.listens || asked.exit !== undefined, 'listens')
    }
    const printed = await new Promise<string>((resolve) => {
      const options = { cwd: folder, env, timeout: patience }
      // Into a pipe it draws its progress, which a terminal does not show.
      const shell = `curl() { command curl --silent --show-error "$@"; }; ${toPort(command)}`
      execFile('sh', ['-c', shell], options, (_error, stdout, stderr) =>
        resolve(toPage(stdout + stderr)),
      )
    })
    if (!matches(printed, answer)) throw differs(`$ ${command}`, answer, printed, asked)
  }

  async function see(expected: string, first: boolean): Promise<void> {
    const seen = program
    if (seen === undefined) throw new Error('nothing is running that could print')
    // Where it listens is not of interest, unless the page shows it.
    const shown = (): string =>
      expected.includes(`:${namedPort}`)
        ? seen.unseen
        : seen.unseen.replace(new RegExp(`^.*:${namedPort}.*\n\n?`, 'gm'), '')
    const isShown = (): boolean => matches(shown(), expected)
    try {
      await until(seen, () => isShown() && (!first || seen.listens || seen.exit !== undefined), '')
    } catch {
      throw differs(seen.command, expected, shown(), undefined)
    }
    seen.unseen = ''
  }

  /** A server is stopped; anything else has to come to its end, and a good one. */
  async function finish(): Promise<void> {
    const finished = program
    if (finished === undefined) return
    program = undefined
    if (finished.listens) return stop(finished, 'SIGKILL')
    try {
      await until(finished, () => finished.exit !== undefined, 'ends')
    } finally {
      await stop(finished, 'SIGKILL')
    }
    if (finished.exit !== 0) {
      throw new Error(`\`${finished.command}\` ended with ${finished.exit}:\n${finished.unseen}`)
    }
  }
}

async function until(program: Program, holds: () => boolean, what: string): Promise<void> {
  const signal = AbortSignal.timeout(patience)
  while (!holds()) {
    if (program.exit !== undefined) throw new Error(`it has ended:\n${program.unseen}`)
    try {
      await Promise.race([once(program.child, 'printed', { signal }), program.ended])
    } catch (error) {
      throw new Error(`\`${program.command}\` never ${what}:\n${program.unseen}`, { cause: error })
    }
  }
}

async function stop({ child, exit, ended }: Program, signal: NodeJS.Signals): Promise<void> {
  const kill = (): boolean => {
    try {
      return child.pid !== undefined && process.kill(-child.pid, signal)
    } catch {
      return false // It has ended.
    }
  }
  kill()
  if (exit !== undefined) return
  const timer = setTimeout(
    () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'),
    5_000,
  )
  await ended
  clearTimeout(timer)
}

/** Compares, without the end of the last line; `…` in a page stands for anything. */
function matches(text: string, expected: string): boolean {
  const pattern = linesOf(expected)
    .map((line) => (line === '…\n' ? '(?:.*\n)*?' : line.split('…').map(escape).join('.*')))
    .join('')
  return new RegExp(`^${pattern}$`).test(linesOf(text).join(''))
}

function linesOf(text: string): string[] {
  return text
    .replaceAll('\r\n', '\n')
    .trimEnd()
    .split('\n')
    .map((line) => `${line}\n`)
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}

function differs(what: string, expected: string, got: string, program?: Program): Error {
  const server = program === undefined ? '' : `\nand the server:\n${program.unseen}`
  return new Error(`\`${what}\` shows\n${got}\nand not\n${expected}${server}`)
}
