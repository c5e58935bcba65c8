import { handle } from 'hono/vercel'
import { app } from './hono-app.ts'

export default { fetch: handle(app) }
