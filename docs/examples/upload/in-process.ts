import { compress } from './compress.ts'
import { serveUploads } from './server.ts'

await serveUploads((tasks, folder) => tasks.addTask(compress, folder))
