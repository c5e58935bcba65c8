import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { root } from '../support/install.ts'
import { startServer } from '../support/server-process.ts'
import { newFolder, newTarball, npmInstall, runIn } from './reader.ts'

const suite = join(root, 'test/package')

/** Both entry points that run on Workers. `wrap` alone finds the platform's `waitUntil`. */
const worker = `
import { BackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'

const ran = []
const routes = {
  '/wrap': () => {
    const tasks = new BackgroundTasks()
    tasks.addTask(() => void ran.push('wrap'))
    return tasks.wrap(new Response('answered'))
  },
  '/provided': provideBackgroundTasks(() => {
    backgroundTasks().addTask(() => void ran.push('provided'))
    return new Response('answered')
  }),
  '/ran': () => Response.json(ran),
}

export default { fetch: (request) => routes[new URL(request.url).pathname](request) }
`

const conditions = ['workerd', 'worker', 'browser']
const flags = ['nodejs_als']

let folder: string
beforeAll(async () => {
  folder = await newFolder()
  await npmInstall(folder, await newTarball())
  await writeFile(join(folder, 'worker.js'), worker)
  await writeFile(
    join(folder, 'wrangler.json'),
    JSON.stringify({
      name: 'tasks',
      main: 'worker.js',
      compatibility_date: '2026-07-01',
      compatibility_flags: flags,
    }),
  )
})

const bundlers: Record<string, () => Promise<string>> = {
  'esbuild with the conditions of Workers': async () => {
    const command = [
      join(suite, 'node_modules/.bin/esbuild'),
      'worker.js',
      '--bundle',
      '--format=esm',
      '--target=es2022',
      `--conditions=${conditions.join()}`,
      '--external:cloudflare:*',
      '--external:node:*',
      '--outfile=esbuild/worker.js',
    ]
    await runIn(folder, command)
    return join(folder, 'esbuild/worker.js')
  },
  wrangler: async () => {
    const wrangler = join(suite, 'node_modules/.bin/wrangler')
    await runIn(folder, [wrangler, 'deploy', '--dry-run', '--outdir', 'wrangler'])
    return join(folder, 'wrangler/worker.js')
  },
}

describe.each(Object.entries(bundlers))('The tarball, bundled for a Worker by %s', (_, bundle) => {
  it("runs its tasks after the response, held by the platform's own waitUntil", async () => {
    const file = await bundle()
    expect(await readFile(file, 'utf8')).toMatch(/import .* from ["']cloudflare:workers["']/)
    const launch = join(root, 'test/hosts/launch-workerd.ts')
    const server = await startServer([process.execPath, launch, file, 'esm', flags.join()])
    onTestFinished(() => server.stop())
    const origin = `http://127.0.0.1:${server.port}`
    for (const path of ['/wrap', '/provided']) {
      const response = await fetch(origin + path)
      expect(await response.text()).toBe('answered')
    }
    await expect
      .poll(async () => (await fetch(`${origin}/ran`)).json())
      .toEqual(['wrap', 'provided'])
  })
})
