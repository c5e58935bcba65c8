import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { BullMQOtel } from 'bullmq-otel'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { instrument, withBackgroundTasks } from 'background-tasks'
import { durable, type DurableJobOptions } from 'background-tasks/bullmq'
import { openTelemetry } from 'background-tasks/opentelemetry'
import { eventually } from './programs.ts'
import { connect, servers } from './queue.ts'
import type { Service } from './service.ts'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = provider.getTracer('server')
let undo = (): void => {}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  undo = instrument(openTelemetry())
})

afterAll(() => {
  undo()
  propagation.disable()
  trace.disable()
  context.disable()
})

describe.each(servers)('durable() on $name with bullmq-otel', ({ server, start }) => {
  let service: Service
  beforeAll(async () => {
    service = await start()
  })
  afterAll(() => service.stop())
  afterEach(() => exporter.reset())

  it.each<[string, DurableJobOptions, string[]]>([
    ['a job', {}, ['add emails.send', 'GET /']],
    // This one is added when the response has ended, by the task that does so.
    ['a job with a jobId', { jobId: 'one' }, ['add emails.send', 'emails.send', 'GET /']],
  ])('carries the trace of the request into the worker, for %s', async (_, options, above) => {
    const { openQueue, openWorker } = connect(server, service.port)
    const telemetry = new BullMQOtel({ tracerName: 'bullmq' })
    const queue = openQueue('emails', { telemetry })
    const emails = durable(queue, {
      send: (_email: string) => tracer.startActiveSpan('smtp', (span) => span.end()),
    })
    const worker = openWorker('emails', emails.processor, { telemetry })
    const handler = withBackgroundTasks(async (tasks) => {
      await emails.addTask(tasks, { name: 'send', args: ['ada@example.com'], ...options })
      return new Response('accepted', { status: 202 })
    })
    await tracer.startActiveSpan('GET /', async (span) => {
      const response = await handler()
      await response.text()
      span.end()
    })
    await eventually(() => hasEnded('process emails') && hasEnded('emails.send'))
    await worker.close()
    await queue.close()
    expect(ancestors('smtp')).toEqual(['smtp', 'process emails', ...above])
  })
})

function hasEnded(name: string): boolean {
  return exporter.getFinishedSpans().some((span) => span.name === name)
}

/** The names from a span up to the root of its trace. */
function ancestors(name: string): string[] {
  const spans = exporter.getFinishedSpans()
  const names: string[] = []
  let span = spans.find((one) => one.name === name)
  while (span !== undefined) {
    names.push(span.name)
    const parent = span.parentSpanContext?.spanId
    span = spans.find((one) => one.spanContext().spanId === parent)
  }
  return names
}
