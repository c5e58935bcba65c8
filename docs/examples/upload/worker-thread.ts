import { workerThread } from 'background-tasks/worker-threads'
import { serveUploads } from './server.ts'

const module = new URL('compress.ts', import.meta.url)
const compress = workerThread<typeof import('./compress.ts')>(module, 'compress')

await serveUploads((tasks, folder) => tasks.addTask(compress, folder))
