import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { AliasOptions } from 'vite'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** What starts processes or threads, soaks, or waits for real time: too slow for the inner loop. */
const slow = [
  'test/examples-*.test.ts',
  'test/release.test.ts',
  'test/shutdown.test.ts',
  'test/soak.test.ts',
  'test/stuck-tasks.test.ts',
  'test/testing-docs.test.ts',
  'test/threads/thread-pool.test.ts',
  'test/worker-threads.test.ts',
]
/** What needs Next.js. */
const next = ['test/next.test.ts', 'test/thrown-answers.test.ts']
const nextAlias = [{ find: /^next\//, replacement: path('test/apps/next/node_modules/next/') }]

/** Each project is one report of its own: `vitest run --project hosts`. */
export default defineConfig({
  resolve: { alias: { '#platform-wait-until': path('src/hosts/platform-wait-until.ts') } },
  // As Node does it: the names of functions stay, and so do lines and columns.
  esbuild: false,
  plugins: [
    {
      name: 'strip-types',
      transform: (code, id) => (id.endsWith('.ts') ? stripTypeScriptTypes(code) : undefined),
    },
  ],
  test: {
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'test/*.test.ts',
            'test/{handler,lint,queue,response,tasks,threads,util}/*.test.ts',
            'test/hosts/unit/*.test.ts',
          ],
          exclude: [...next, ...slow],
        },
      },
      suite('processes', { include: slow, minutes: 2, setup: 'test/support/set-up-processes.ts' }),
      suite('guides', { minutes: 5 }),
      suite('package', { minutes: 10 }),
      suite('hosts', { minutes: 3 }),
      suite('apps', { minutes: 10, include: ['test/apps/*.test.ts', ...next], alias: nextAlias }),
      suite('services', { minutes: 5 }),
    ],
  },
})

interface SuiteOptions {
  readonly include?: readonly string[]
  readonly alias?: AliasOptions
  /** What it installs before its tests. */
  readonly setup?: string
  /** How long a hook may take. */
  readonly minutes: number
}

/** Tests of real processes, one file at a time. */
function suite(name: string, options: SuiteOptions): TestProjectConfiguration {
  const {
    include = [`test/${name}/*.test.ts`],
    setup = `test/${name}/set-up.ts`,
    alias = [],
    minutes,
  } = options
  return {
    extends: true,
    resolve: { alias },
    test: {
      name,
      include: [...include],
      globalSetup: [setup],
      testTimeout: 60_000,
      hookTimeout: minutes * 60_000,
      maxWorkers: 1,
    },
  }
}
