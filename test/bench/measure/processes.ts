// Processes that are measured, each on a core of its own, and what they have used.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Which core is whose: what is measured never shares one with what measures it. */
export const cores = { server: 0, load: 1 }

/** The command that runs `command` on one core. On a machine of one it stays as it is. */
export function pinned(core: number, command: readonly string[]): string[] {
  const canPin = availableParallelism() > 1 && existsSync('/usr/bin/taskset')
  return canPin ? ['taskset', '--cpu-list', String(core), ...command] : [...command]
}

/** A Node process that measures in itself when it is asked: see `answerQuestions`. */
export interface MeasuringProcess<Question, Answer> {
  readonly ask: (question: Question) => Promise<Answer>
  readonly stop: () => Promise<void>
}

interface MeasuringOptions {
  /** Whether it has the server's core, or all of them, for threads of its own. */
  readonly isPinned?: boolean
  readonly nodeOptions?: readonly string[]
  readonly args?: readonly string[]
}

export function startMeasuring<Question extends object, Answer>(
  file: string,
  options: MeasuringOptions = {},
): MeasuringProcess<Question, Answer> {
  const { isPinned = true, nodeOptions = [], args = [] } = options
  const command = [process.execPath, ...nodeOptions, file, ...args]
  const [program = '', ...rest] = isPinned ? pinned(cores.server, command) : command
  const child = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const exit = once(child, 'exit')
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  return {
    async ask(question) {
      const reply = once(child, 'message')
      child.send(question)
      const ended = exit.then(([code]) => {
        throw new Error(`${file} ended with ${code} before it answered`)
      })
      const [answer] = await Promise.race([reply, ended])
      return answer
    },
    async stop() {
      process.off('exit', kill)
      kill()
      await exit
    },
  }
}

/** The other side of `startMeasuring`. */
export function answerQuestions<Question, Answer>(
  measure: (question: Question) => Promise<Answer>,
): void {
  process.on('message', async (question: Question) => process.send?.(await measure(question)))
}

/** Microseconds of CPU that a server and its children have used so far. */
export function usedMicroseconds(server: ChildProcess): number {
  let nanoseconds = 0
  for (const pid of groupOf(server)) {
    for (const thread of list(`/proc/${pid}/task`)) {
      nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0)
    }
  }
  return nanoseconds / 1000
}

/** MiB that a server and its children held at most since `resetPeakMemory`. */
export function peakMemory(server: ChildProcess): number {
  let kibibytes = 0
  for (const pid of groupOf(server)) {
    kibibytes += Number(/VmHWM:\s*(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)
  }
  return kibibytes / 1024
}

export function resetPeakMemory(server: ChildProcess): void {
  for (const pid of groupOf(server)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** A server is started as the leader of a group, and workerd is a child of what starts it. */
function groupOf({ pid }: ChildProcess): string[] {
  return list('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    // The name of the program stands in parentheses and may hold anything.
    const [, , group] = read(`/proc/${name}/stat`).split(') ').at(-1)?.split(' ') ?? []
    return Number(group) === pid
  })
}

/** Empty for a process that has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
