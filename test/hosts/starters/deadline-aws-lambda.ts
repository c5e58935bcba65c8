import process from 'node:process'
import { drain, withBackgroundTasks } from 'background-tasks'
import { provideBackgroundTasks } from 'background-tasks/hono'
import { H3 } from 'h3'
import { Hono } from 'hono'
import { handle as handleHono, streamHandle } from 'hono/aws-lambda'
import {
  type AWSLambdaStreamingHandler,
  handleLambdaEventWithStream,
  toLambdaHandler,
} from 'srvx/aws-lambda'
import { addTooMuch, reporting } from '../app/deadline.ts'
import { type Handler, serveBuffered, serveStreamed } from '../app/lambda.ts'

const fetch = withBackgroundTasks((tasks, _request: Request) => {
  addTooMuch(tasks, '')
  return new Response('answered')
}, reporting)

const hono = new Hono().use(provideBackgroundTasks(reporting)).get('*', (c) => {
  addTooMuch(c.var.backgroundTasks, '')
  return c.text('answered')
})

const h3 = new H3().get(
  '/**',
  withBackgroundTasks((tasks, _event: object) => {
    addTooMuch(tasks, '')
    return 'answered'
  }, reporting),
)

const buffered: Record<string, Handler> = {
  srvx: toLambdaHandler({ fetch }),
  hono: handleHono(hono),
  h3: toLambdaHandler({ fetch: (request) => h3.fetch(request) }),
}

/** Milliseconds after which Lambda ends the function. */
const timeout = 2000
const [adapter = ''] = process.argv.slice(2)
const answer = buffered[adapter]

if (answer !== undefined) {
  serveBuffered({ '/notify': drained(answer) }, timeout)
} else {
  await serveStreamed(
    async () => ({ handler: drained(adapter === 'hono-streamed' ? streamHandle(hono) : stream) }),
    timeout,
  )
}

function stream(...args: Parameters<AWSLambdaStreamingHandler>): Promise<void> {
  return handleLambdaEventWithStream(fetch, ...args)
}

/** The handler as the docs want it: Lambda waits for the tasks. */
function drained(handler: Handler): Handler {
  return async (...args) => {
    const result: unknown = await handler(...args)
    await drain()
    return result
  }
}
