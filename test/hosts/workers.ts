import { fileURLToPath } from 'node:url'
import { bundleForWorkers } from './bundle.ts'

export interface WorkerOptions {
  readonly flags?: readonly string[]
  /** The export conditions of the bundler: by default those that wrangler sets. */
  readonly conditions?: readonly string[]
  /** `iife` is the service-worker format. */
  readonly format?: 'esm' | 'iife'
  /** The class of a Durable Object, bound as `OBJECT`. */
  readonly object?: string
}

/** What starts a file of `starters/` or `examples/` in workerd. */
export async function workerCommand(source: string, options: WorkerOptions): Promise<string[]> {
  const {
    flags = [],
    conditions = ['workerd', 'worker', 'browser'],
    format = 'esm',
    object = '',
  } = options
  return [
    fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url)),
    fileURLToPath(new URL('launch-workerd.ts', import.meta.url)),
    await bundleForWorkers(source, { conditions, format }),
    format,
    flags.join(),
    object,
  ]
}
