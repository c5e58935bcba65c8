import { drain } from 'background-tasks'
import { type Command, fail } from '../server/command-line.ts'
import { readLog } from './log.ts'
import { listenToTimelines } from './timelines.ts'

/** Sends one request, and prints what happens as it happens. */
export async function showFirstRequest(command: Command, url: string): Promise<void> {
  const start = performance.now()
  const show = (event: string): void => {
    console.log(`${(performance.now() - start).toFixed(1).padStart(8)} ms  ${event}`)
  }
  const undo = listenToTimelines((event) => {
    if (event.type !== 'task' || event.state === 'waiting') return
    show(`task ${event.state === 'running' ? 'started' : 'finished'}: ${event.name}`)
  })
  show(`request sent: POST ${url}`)
  const headers = { 'user-agent': command.run }
  const response = await fetch(url, { method: 'POST', headers }).catch((error: Error) => {
    const { message } = error.cause instanceof Error ? error.cause : error
    // Some ports it never asks: https://fetch.spec.whatwg.org/#port-blocking
    fail(command, `fetch cannot reach port ${new URL(url).port} (${message}), pass another`)
  })
  // Resolves with the last byte. Client and server share this thread, which reads from its sockets
  // at least once between the end of a response and the start of its tasks.
  const body = await response.text()
  show(`response complete: ${response.status} ${body}`)
  await drain()
  undo()
  show(`log.txt: ${(await readLog()).split('\n').at(-1)}`)
}
