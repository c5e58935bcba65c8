import type { Attributes, Tracer } from '@opentelemetry/api'
import { type BackgroundTask, instrument } from 'background-tasks'
import { openTelemetry } from 'background-tasks/opentelemetry'
import { expectError, expectType } from 'tsd'

// What it returns is an instrument, without options too.
expectType<() => void>(instrument(openTelemetry()))

// The tracer is OpenTelemetry's own; attributes are made from the task.
declare const tracer: Tracer
instrument(openTelemetry({ tracer }))
openTelemetry({
  attributes: (task) => {
    expectType<BackgroundTask>(task)
    return { name: task.name } satisfies Attributes
  },
})

// Attributes are values that a span can carry.
expectError(openTelemetry({ attributes: (task: BackgroundTask) => ({ task }) }))
expectError(openTelemetry({ tracer: 'background-tasks' }))
