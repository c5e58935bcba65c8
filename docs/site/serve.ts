/**
 * Builds the site from the guides and the reference, and serves it.
 *
 *     npm run docs                  builds, serves and prints the address
 *     npm run docs -- --port 4000   on this port
 *     npm run docs -- --once        builds only
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { installPackages, root } from '../../test/support/install.ts'

const site = join(root, 'coverage/docs')

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
}

const { values } = parseArgs({
  options: { once: { type: 'boolean' }, port: { type: 'string', default: '4173' } },
})

const code = await build()
if (code !== 0) process.exitCode = code
else if (values.once !== true) await serve(Number(values.port))

/** Runs TypeDoc as its own command does. */
async function build(): Promise<number> {
  const guides = await installPackages('test/guides')
  const command = [join(guides, 'node_modules/typedoc/bin/typedoc'), '--cleanOutputDir', 'true']
  const child = spawn(process.execPath, command, { cwd: root, stdio: 'inherit' })
  const [status] = await once(child, 'close')
  return Number(status ?? 1)
}

async function serve(port: number): Promise<void> {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname)
    const file = join(site, normalize(path.endsWith('/') ? `${path}index.html` : path))
    const found = await stat(file).catch(() => undefined)
    if (found?.isFile() !== true) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is no such page\n')
      return
    }
    const type = types[extname(file)] ?? 'text/plain; charset=utf-8'
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
    await pipeline(createReadStream(file), response).catch(() => {})
  })
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    console.error(`Cannot serve on port ${port}: it is taken, choose another one with --port`)
    process.exitCode = 1
    return
  }
  console.log(`The site is at http://127.0.0.1:${port}/`)
}
