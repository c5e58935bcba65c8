/**
 * A span for each task. Guide: [OpenTelemetry](../docs/opentelemetry.md).
 *
 * @module background-tasks/opentelemetry
 */

import { type Attributes, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api'
import type { BackgroundTask } from './tasks/background-task.ts'
import { checkFunction, isError, kindOf, refuse } from './util/checks.ts'
import { checkOptions } from './util/options.ts'

/** What the spans are made with. */
export interface OpenTelemetryOptions {
  /**
   * Makes the spans.
   *
   * @default the tracer `background-tasks` of the global provider
   */
  tracer?: Tracer
  /**
   * Further attributes of the span of a task.
   *
   * @default none
   */
  attributes?: (task: BackgroundTask) => Attributes
}

/**
 * Makes a span for every task, for `instrument`.
 *
 * The span is named after the task and is a child of the span in which its response was wrapped: the
 * request's. Spans made by the task are children of the task's own. Attributes tell how the response
 * and the task have ended, never the arguments. A task that fails marks its own span as failed and
 * records the exception there; the request's span stays as it is, and has usually ended before.
 *
 * @example Trace every task of the process
 * ```ts
 * import { BackgroundTasks, instrument } from 'background-tasks'
 * import { openTelemetry } from 'background-tasks/opentelemetry'
 *
 * instrument(openTelemetry())
 *
 * const tasks = new BackgroundTasks()
 * tasks.addTask(function sendEmail() {})
 * await tasks.run()
 * ```
 * @param options Another tracer, and further attributes.
 * @returns The function to give to `instrument`.
 * @throws `TypeError` if an option is not one.
 */
export function openTelemetry(
  options: OpenTelemetryOptions = {},
): (task: BackgroundTask, run: () => Promise<void>) => Promise<void> {
  const verb = 'trace the tasks'
  checkOptions(verb, options)
  const { tracer = trace.getTracer('background-tasks'), attributes } = options
  if (typeof tracer?.startActiveSpan !== 'function') {
    refuse(verb, `tracer is ${kindOf(tracer)}`, 'pass a Tracer of @opentelemetry/api')
  }
  if (attributes !== undefined) checkFunction(verb, 'attributes', attributes)
  return (task, run) =>
    tracer.startActiveSpan(task.name, { attributes: attributes?.(task) ?? {} }, async (span) => {
      const running = run()
      const { outcome, status, error } = await task.finished
      span.setAttributes({ 'background_task.outcome': outcome, 'background_task.status': status })
      if (status === 'rejected') {
        const exception = toException(error)
        span.recordException(exception)
        span.setStatus({ code: SpanStatusCode.ERROR, message: exception.message })
      }
      span.end()
      return running
    })
}

/** Not the error itself: the SDK takes a `code` for the type, and a `TimeoutError` has the code 23. */
function toException(error: unknown): { name: string; message: string; stack: string } {
  try {
    if (isError(error))
      return { name: error.name, message: error.message, stack: error.stack ?? '' }
  } catch {
    // One that cannot be looked at has a type all the same.
  }
  return { name: typeof error, message: typeof error === 'string' ? error : '', stack: '' }
}
