import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { BackgroundTasks, instrument } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry.ts'

/** A request with its span, and a response with two tasks; prints the spans, newest last. */
const exporter = new InMemorySpanExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
)
instrument(openTelemetry())

const tasks = new BackgroundTasks([], { onError: () => {} })
tasks.addTask(function sendEmail() {})
tasks.addTask(function failToSend() {
  throw new Error('mailbox full')
})
const response = trace.getTracer('test').startActiveSpan('GET /', (span) => {
  const wrapped = tasks.wrap(new Response('sent'))
  span.end()
  return wrapped
})
await response.text()
await tasks.finished
// The spans end with the tasks, each in a continuation of its own.
await new Promise((resolve) => setTimeout(resolve))

const names = new Map(
  exporter.getFinishedSpans().map((span) => [span.spanContext().spanId, span.name]),
)
for (const span of exporter.getFinishedSpans()) {
  const parent = names.get(span.parentSpanContext?.spanId ?? '') ?? null
  const failed = span.status.code === SpanStatusCode.ERROR
  const { name, attributes } = span
  console.log(JSON.stringify({ name, parent, failed, attributes }))
}
