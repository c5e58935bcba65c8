import { uploads } from './two-processes.ts'
import { inQueue as way } from './in-queue.ts'
import { serveUploads } from './server.ts'

await serveUploads(way, (tasks, folder) => uploads.addTask(tasks, 'compress', folder))
