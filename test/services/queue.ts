import {
  createPostgresBackend,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import type { Service } from './service.ts'

type Server = 'redis' | 'postgres'

export interface TestServer {
  readonly server: Server
  readonly start: () => Promise<Service>
}

/** What the suites run on. */
export const servers: readonly (TestServer & { readonly name: string })[] = [
  { name: 'Redis', server: 'redis', start: startRedis },
  { name: 'PostgreSQL', server: 'postgres', start: startPostgres },
]

type OpenQueue = Pick<
  Queue,
  'add' | 'close' | 'getFailed' | 'getJob' | 'getJobCounts' | 'name' | 'remove'
>

interface Connected {
  readonly openQueue: (name: string, options?: Omit<QueueOptions, 'connection'>) => OpenQueue
  readonly openWorker: (
    name: string,
    processor: Processor,
    options?: Omit<WorkerOptions, 'connection'>,
  ) => Pick<Worker, 'close' | 'pause' | 'waitUntilReady'>
}

/** Without a listener BullMQ prints each broken connection. */
function ignore(): void {}

/** Opens queues and workers: of the test's server, or of the one that the environment names. */
export function connect(
  server = process.env['SERVER'] as Server,
  port = Number(process.env['SERVER_PORT']),
): Connected {
  if (server === 'redis') {
    const connection = { host: '127.0.0.1', port }
    return {
      openQueue: (name, options) => new Queue(name, { connection, ...options }).on('error', ignore),
      openWorker: (name, processor, options) =>
        new Worker(name, processor, { connection, ...options }).on('error', ignore),
    }
  }
  const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`
  const connection = { connectionString, migrate: true }
  const postgres = withBackend(createPostgresBackend)
  return {
    openQueue: (name, options) =>
      new postgres.Queue(name, { ...options, connection }).on('error', ignore),
    openWorker: (name, processor, options) =>
      new postgres.Worker(name, processor, { ...options, connection }).on('error', ignore),
  }
}
