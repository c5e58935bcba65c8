import { setImmediate as macrotask } from 'node:timers/promises'
import { BackgroundTasks, drain, withBackgroundTasks, type WrapOptions } from 'background-tasks'
import { NodeResponse } from '../../support/node-response.ts'
import type { Answer as Answered } from '../http/handlers.ts'
import { runAfter } from '../http/hosts/node-response.ts'
import { answerQuestions } from '../measure/processes.ts'
import type { Answer, Question } from './waiting.ts'

interface Waiting {
  readonly response: Answered
  readonly res?: NodeResponse
}

answerQuestions<Question, Answer>(async ({ way, responses }) => {
  const before = used()
  const { promise: completed, resolve } = Promise.withResolvers<void>()
  const held: Waiting[] = []
  for (let index = 0; index < responses; index += 1)
    held.push(ways[way](`body ${index}`, completed))
  // What Node itself does to start a stream is over then.
  await macrotask()
  const waiting = (used() - before) / responses
  for (const { res } of held) res?.finish()
  held.length = 0
  resolve()
  await drain()
  await macrotask()
  return { waiting, left: (used() - before) / responses }
})

const ways: Record<Question['way'], (body: string, completed: Promise<void>) => Waiting> = {
  bare: (body) => ({ response: new Response(body) }),
  host: (body) => ({ response: new Response(body), res: new NodeResponse() }),
  stream: (body) => ({ response: copy(new Response(body)) }),
  // The time to make all of them and to look is not to end their waiting.
  wrap: (body) => ({ response: wrap(body, { unreadTimeout: 20_000 }) }),
  completed: (body, completed) => ({ response: wrap(body, { completed }) }),
  signal(body) {
    const res = new NodeResponse()
    return { response: handler(new Request('http://localhost/'), { res, body }), res }
  },
  floor(body) {
    const res = new NodeResponse()
    runAfter(res, task)
    return { response: new Response(body), res }
  },
}

const handler = withBackgroundTasks(
  (tasks, _request: Request, { body }: { res: NodeResponse; body: string }) => {
    tasks.addTask(task)
    return new Response(body)
  },
)

function wrap(body: string, options: WrapOptions): Response {
  const tasks = new BackgroundTasks()
  tasks.addTask(task)
  return tasks.wrap(new Response(body), options)
}

/** With a body that is pulled from the other's, and nothing else. */
function copy({ body, status, headers }: Response): Response {
  const reader = body?.getReader()
  const source = { pull: () => reader?.read().then(() => {}), cancel: () => reader?.cancel() }
  return new Response(new ReadableStream(source, { highWaterMark: 0 }), { status, headers })
}

function task(): void {}

function used(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
