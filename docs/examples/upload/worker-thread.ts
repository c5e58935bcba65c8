import { compress } from './thread.ts'
import { onThread as way } from './in-memory.ts'
import { serveUploads } from './server.ts'

await serveUploads(way, (tasks, folder) => tasks.addTask(compress, folder))
