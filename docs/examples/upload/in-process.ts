import { compress } from './compress.ts'
import { inProcess as way } from './in-memory.ts'
import { serveUploads } from './server.ts'

await serveUploads(way, (tasks, folder) => tasks.addTask(compress, folder))
