import { describe, expect, it, onTestFinished } from 'vitest'
import { request } from '../support/client.ts'
import { startServer } from '../support/server-process.ts'
import { bundle } from './bundle.ts'
import { installRuntime } from './install.ts'
import { writeProgram } from './results.ts'

const onNode = [process.execPath]
const onDeno = [await installRuntime('deno'), 'run', '-A']

// None of them can be had here: what each gives to a function is laid in its place, as it documents
// it, and what the function has not asked it to wait for counts as frozen.
describe.each([
  ['Vercel', 'vercel', onNode, 'platform', 'vercel'],
  ['Vercel through Hono', 'vercel', onNode, 'platform', 'hono-vercel'],
  ['Netlify', 'netlify', onNode, 'platform', 'netlify'],
  ['Neon', 'neon', onNode, 'platform', 'neon'],
  ['Supabase', 'supabase', onDeno, 'platform-deno', 'supabase'],
  ['Bunny', 'bunny', onDeno, 'platform-deno', 'bunny'],
])('%s', (title, name, runtime, starter, example) => {
  it('is told to wait until the tasks of the program of the docs have ended', async () => {
    const program = await bundle(`examples/${example}.ts`)
    const command = [...runtime, await bundle(`starters/${starter}.ts`), name, program]
    const server = await startServer(command)
    onTestFinished(() => server.stop())
    const { status, body } = await request({ port: server.port, path: '/notify' })
    expect(status).toBe(200)
    expect(JSON.parse(String(body))).toEqual({ message: 'Notification sent in the background' })
    const events = await server.until((all) => all.some(({ type }) => type === 'frozen'))
    expect(events).toContainEqual({ type: 'frozen', id: '', held: 1 })
    const output = server.output()
    const ran = output.indexOf('notification for ada@example.com: some notification')
    expect(ran).toBeGreaterThan(-1)
    expect(ran).toBeLessThan(output.indexOf('"frozen"'))
    await writeProgram(example, { title, server })
  })
})
