// Serves one way of one host: `server.ts <host> <setup as JSON>`, on PORT. When it is told to end, it
// says how many tasks have run. Node, Bun and Deno run this file as it is.
import process from 'node:process'
import { serveWay, tasksDone } from './handlers.ts'

const [name = '', setup = ''] = process.argv.slice(2)
const { host } = await import(`./hosts/${name}.ts`)
await serveWay(host, JSON.parse(setup), Number(process.env['PORT']))

process.on('SIGTERM', () => {
  process.stdout.write(`@event ${JSON.stringify({ type: 'done', tasks: tasksDone() })}\n`, () =>
    process.exit(),
  )
})
