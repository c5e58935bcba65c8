import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BrowserContext,
  chromium as driver,
  type BrowserContextOptions,
} from 'playwright-core'
import { chromium, install } from './install.ts'

export interface TestBrowser {
  readonly context: BrowserContext
  readonly close: () => Promise<void>
}

/** Debian's Chromium, which asks nobody but the server under test. */
export async function startBrowser(options: BrowserContextOptions = {}): Promise<TestBrowser> {
  const executablePath = await install(chromium)
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-browser-'))
  const context = await driver.launchPersistentContext(folder, {
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    ...options,
  })
  return {
    context,
    close: async () => {
      await context.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
