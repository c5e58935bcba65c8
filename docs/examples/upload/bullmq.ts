import { close, uploads } from './two-processes.ts'
import { serveUploads } from './server.ts'

await serveUploads((tasks, folder) => uploads.addTask(tasks, 'compress', folder), close)
