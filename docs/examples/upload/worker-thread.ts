import { compress } from './thread.ts'
import { serveUploads } from './server.ts'

await serveUploads((tasks, folder) => tasks.addTask(compress, folder))
