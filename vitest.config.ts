import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const platformWaitUntil = fileURLToPath(new URL('src/hosts/platform-wait-until.ts', import.meta.url))

/** Each project is one report of its own: `vitest run --project hosts`. */
export default defineConfig({
  resolve: { alias: { '#platform-wait-until': platformWaitUntil } },
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
            'test/{handler,tasks,response,util,threads,queue}/*.test.ts',
            'test/hosts/unit/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'guides',
          include: ['test/guides/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'hosts',
          include: ['test/hosts/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'apps',
          include: ['test/apps/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/services/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
        },
      },
    ],
  },
})
