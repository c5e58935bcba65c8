import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  BackgroundTasks,
  type BackgroundTasksOptions,
  drain,
  instrument,
  withBackgroundTasks,
} from '../../src/index.ts'
import * as door from '../../src/opentelemetry.ts'
import { openTelemetry, type OpenTelemetryOptions } from '../../src/opentelemetry.ts'
import { exportedNames } from '../support/exported-names.ts'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const requestTracer = provider.getTracer('server')

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
})

afterAll(() => {
  context.disable()
  trace.disable()
})

let undo: () => void = () => {}

function start(options?: OpenTelemetryOptions): void {
  undo = instrument(openTelemetry(options))
}

afterEach(() => {
  undo()
  exporter.reset()
})

/** Answers a request inside its span, and waits for the tasks that `add` has added. */
async function answer(
  add: (tasks: BackgroundTasks) => unknown,
  options: BackgroundTasksOptions = {},
): Promise<void> {
  const tasks = new BackgroundTasks([], { onError: () => {}, ...options })
  const response = requestTracer.startActiveSpan('GET /', (span) => {
    add(tasks)
    const wrapped = tasks.wrap(new Response('answered'))
    span.end()
    return wrapped
  })
  await response.text()
  await tasks.finished
}

async function spanOf(name: string): Promise<ReadableSpan> {
  const find = (): ReadableSpan | undefined =>
    exporter.getFinishedSpans().find((span) => span.name === name)
  return vi.waitUntil(find)
}

const unreadable = Object.defineProperty(new Error('bug'), 'message', {
  get() {
    throw new Error('not to be read')
  },
})

async function sendEmailTo(address: string): Promise<string> {
  return `sent to ${address}`
}

describe('background-tasks/opentelemetry', () => {
  it('exports exactly its names', () => {
    expect(exportedNames('opentelemetry', door)).toEqual({
      values: ['openTelemetry'],
      types: ['OpenTelemetryOptions'],
    })
  })
})

describe('openTelemetry()', () => {
  it("makes a span for a task, a child of the request's", async () => {
    start()
    await answer((tasks) => tasks.addTask(function sendEmail() {}))
    const [request, task] = [await spanOf('GET /'), await spanOf('sendEmail')]
    expect(task.parentSpanContext?.spanId).toBe(request.spanContext().spanId)
    expect(task.spanContext().traceId).toBe(request.spanContext().traceId)
    expect(task.instrumentationScope.name).toBe('background-tasks')
  })

  it('tells the outcome and the status, and no argument', async () => {
    start()
    await answer((tasks) => tasks.addTask(sendEmailTo, 'ada@example.com'))
    const { attributes, events, status } = await spanOf('sendEmailTo')
    expect(attributes).toEqual({
      'background_task.outcome': 'closed',
      'background_task.status': 'fulfilled',
    })
    expect(events).toEqual([])
    expect(status).toEqual({ code: SpanStatusCode.UNSET })
  })

  it('tells that the response was cancelled', async () => {
    start()
    const tasks = new BackgroundTasks()
    tasks.addTask(function cleanUp() {})
    await tasks.wrap(new Response('unwanted')).body?.cancel()
    expect((await spanOf('cleanUp')).attributes).toMatchObject({
      'background_task.outcome': 'cancelled',
    })
  })

  it('is the parent of the spans that the task makes', async () => {
    start()
    await answer((tasks) =>
      tasks.addTask(async function sendEmail() {
        await Promise.resolve()
        requestTracer.startSpan('SMTP').end()
      }),
    )
    const [task, inner] = [await spanOf('sendEmail'), await spanOf('SMTP')]
    expect(inner.parentSpanContext?.spanId).toBe(task.spanContext().spanId)
  })

  it('ends the span with the task, not before', async () => {
    start()
    let atTheEnd: boolean | undefined
    await answer((tasks) =>
      tasks.addTask(async function sendEmail() {
        await new Promise(setImmediate)
        atTheEnd = trace.getActiveSpan()?.isRecording()
      }),
    )
    expect((await spanOf('sendEmail')).ended).toBe(true)
    expect(atTheEnd).toBe(true)
  })

  it("records a failure on the task's own span only", async () => {
    start()
    const error = new RangeError('mailbox full')
    await answer((tasks) => {
      tasks.addTask(async function sendEmail() {
        throw error
      })
    })
    const [request, task] = [await spanOf('GET /'), await spanOf('sendEmail')]
    expect(task.status).toEqual({ code: SpanStatusCode.ERROR, message: 'mailbox full' })
    expect(task.events).toMatchObject([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'RangeError',
          'exception.message': 'mailbox full',
          'exception.stacktrace': error.stack,
        },
      },
    ])
    expect(task.attributes).toMatchObject({ 'background_task.status': 'rejected' })
    expect(request.status).toEqual({ code: SpanStatusCode.UNSET })
    expect(request.events).toEqual([])
  })

  it('makes no span for a task that is skipped', async () => {
    start()
    await answer((tasks) => {
      tasks.addTask(function sendEmail() {
        throw new Error('mailbox full')
      })
      tasks.addTask(function countEmail() {})
    })
    await spanOf('sendEmail')
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['GET /', 'sendEmail'])
  })

  it('ends the span of a task that ignores its timeout', async () => {
    start()
    await answer((tasks) =>
      tasks.addTask({ name: 'hang', timeout: 1, run: () => new Promise(() => {}) }),
    )
    const { status, events } = await spanOf('hang')
    expect(status.code).toBe(SpanStatusCode.ERROR)
    expect(events[0]?.attributes).toMatchObject({ 'exception.type': 'TimeoutError' })
  })

  it.each([
    ['a string', 'mailbox full', 'string', 'mailbox full'],
    ['undefined', undefined, 'undefined', undefined],
    ['an object', { secret: 1 }, 'object', undefined],
    ['an error without a message that can be read', unreadable, 'object', undefined],
  ])('records that a task threw %s', async (_, thrown, type, message) => {
    start()
    await answer((tasks) => {
      tasks.addTask({
        name: 'sendEmail',
        run: () => {
          throw thrown
        },
      })
    })
    const { status, events } = await spanOf('sendEmail')
    expect(status.code).toBe(SpanStatusCode.ERROR)
    expect(events[0]?.attributes).toEqual({
      'exception.type': type,
      ...(message !== undefined && { 'exception.message': message }),
    })
  })

  it('records an error of another realm', async () => {
    start()
    await answer((tasks) => {
      tasks.addTask(function sendEmail() {
        throw runInNewContext("new TypeError('mailbox full')")
      })
    })
    const { status, events } = await spanOf('sendEmail')
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'mailbox full' })
    expect(events[0]?.attributes).toMatchObject({
      'exception.type': 'TypeError',
      'exception.message': 'mailbox full',
    })
  })

  it('rejects as the task does, and reports it once', async () => {
    start()
    const onError = vi.fn<(error: Error) => void>()
    const error = new Error('mailbox full')
    await answer(
      (tasks) => {
        tasks.addTask(function sendEmail() {
          throw error
        })
      },
      { onError },
    )
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ cause: error }))
  })

  it('adds the attributes it is given', async () => {
    start({ attributes: (task) => ({ 'code.function': task.name }) })
    await answer((tasks) => tasks.addTask(function sendEmail() {}))
    expect((await spanOf('sendEmail')).attributes).toMatchObject({ 'code.function': 'sendEmail' })
  })

  it('uses the tracer it is given', async () => {
    start({ tracer: provider.getTracer('mine') })
    await answer((tasks) => tasks.addTask(function sendEmail() {}))
    expect((await spanOf('sendEmail')).instrumentationScope.name).toBe('mine')
  })

  it('refuses options that are null', () => {
    expect(() => openTelemetry(null as unknown as OpenTelemetryOptions)).toThrow(
      new TypeError('Cannot trace the tasks: the options are null, pass an object'),
    )
  })

  it.each<[object, string]>([
    [{ attributes: 'x' }, 'attributes is a string, pass a function'],
    [{ tracer: 5 }, 'tracer is a number, pass a Tracer of @opentelemetry/api'],
    [{ tracer: null }, 'tracer is null, pass a Tracer of @opentelemetry/api'],
  ])('refuses %o', (options, message) => {
    expect(() => openTelemetry(options)).toThrow(
      new TypeError(`Cannot trace the tasks: ${message}`),
    )
  })

  it('keeps the tasks of parallel requests in their own traces', async () => {
    start()
    const handler = withBackgroundTasks(async (tasks, request: Request) => {
      const { pathname } = new URL(request.url)
      tasks.addTask({ name: `task of ${pathname}`, run: () => Promise.resolve() })
      return new Response('answered')
    })
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`)
    const bodies = paths.map((path) =>
      requestTracer.startActiveSpan(`GET ${path}`, async (span) => {
        const response = await handler(new Request(`http://localhost${path}`))
        span.end()
        return response.text()
      }),
    )
    await Promise.all(bodies)
    await drain()
    for (const path of paths) {
      const [request, task] = [await spanOf(`GET ${path}`), await spanOf(`task of ${path}`)]
      expect(task.parentSpanContext?.spanId).toBe(request.spanContext().spanId)
    }
  })

  it.each(['node', 'bun'])('makes the same spans on %s', { timeout: 30_000 }, async (runtime) => {
    const script = fileURLToPath(new URL('traced-tasks.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(runtime, [script])
    const outcome = { 'background_task.outcome': 'closed' }
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { name: 'GET /', parent: null, failed: false, attributes: {} },
      {
        name: 'sendEmail',
        parent: 'GET /',
        failed: false,
        attributes: { ...outcome, 'background_task.status': 'fulfilled' },
      },
      {
        name: 'failToSend',
        parent: 'GET /',
        failed: true,
        attributes: { ...outcome, 'background_task.status': 'rejected' },
      },
    ])
  })
})
