import type { Attributes, Tracer } from '@opentelemetry/api'
import { type BackgroundTask, instrument } from 'background-tasks'
import * as door from 'background-tasks/opentelemetry'
import { openTelemetry, type OpenTelemetryOptions } from 'background-tasks/opentelemetry'
import { expectError, expectType } from 'tsd'

// The door gives this one and nothing else.
expectType<'openTelemetry'>({} as keyof typeof door)

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

// OpenTelemetryOptions: exactly these members; each may be left out.
expectType<{ tracer?: Tracer; attributes?: (task: BackgroundTask) => Attributes }>(
  {} as OpenTelemetryOptions,
)
