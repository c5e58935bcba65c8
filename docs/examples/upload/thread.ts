import { workerThread } from 'background-tasks/worker-threads'

const module = new URL('compress.ts', import.meta.url)
export const compress = workerThread<typeof import('./compress.ts')>(module, 'compress')
