import { existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { TaskDefinition } from 'background-tasks'
import { report } from '../../scenario.ts'

/** Opened by a request for `/release?gate=<name>`, before or after it is waited for. */
const gates = new Map<string, PromiseWithResolvers<void>>()

function gateOf(name: string): PromiseWithResolvers<void> {
  const known = gates.get(name) ?? Promise.withResolvers<void>()
  gates.set(name, known)
  return known
}

export function gate(name: string): Promise<void> {
  return gateOf(name).promise
}

export function release(name: string): void {
  report('released', name)
  gateOf(name).resolve()
}

/** What the query of a page asks for. */
export function query(request: Request) {
  const { searchParams } = new URL(request.url)
  return {
    id: searchParams.get('id') ?? 'none',
    /** How the loader ends. */
    answer: searchParams.get('answer'),
    /** The file whose existence ends each task; the thread is blocked until then. */
    block: searchParams.get('block'),
    /** The same, and the thread is free. */
    poll: searchParams.get('poll'),
    /** The name of the task that waits for its gate. */
    wait: searchParams.get('wait'),
    /** Whether the loaders wait for the gate `loader <id>`. */
    isHeld: searchParams.has('hold'),
  }
}

/** A task that reports itself. */
export function work(name: string, request: Request): TaskDefinition {
  const { block, poll, wait } = query(request)
  return {
    name,
    run: async ({ outcome }) => {
      report('task-start', name, { outcome })
      const result = block === null ? 'done' : blockUntil(block)
      if (poll !== null) await pollFor(poll)
      if (wait === name) await gate(`task ${name}`)
      report('task-end', name, { outcome, result })
    },
  }
}

function blockUntil(file: string): string {
  const deadline = Date.now() + 10_000
  while (Date.now() < deadline) if (existsSync(file)) return 'seen'
  return 'timed-out'
}

async function pollFor(file: string): Promise<void> {
  while (!existsSync(file)) await setTimeout(10)
}

/** Asked to, waits until the test lets the loader go on, and tells when the client has left meanwhile. */
export async function hold(name: string, request: Request): Promise<void> {
  const { id, isHeld } = query(request)
  if (!isHeld) return
  request.signal.addEventListener('abort', () => report('aborted', name))
  report('held', name)
  await gate(`loader ${id}`)
}

/** Some text, or asked to fail, one chunk and an error when a gate opens. */
export function text(request: Request): Response {
  const { id, answer } = query(request)
  if (answer !== 'failing') return new Response('done')
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode('first,'))
      await gate(`fail ${id}`)
      controller.error(new Error('broken on purpose'))
    },
  })
  return new Response(body)
}
