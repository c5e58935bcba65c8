import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort, type ServerProcess, startServer } from '../support/server-process.ts'
import { startBrowser, type TestBrowser } from './browser.ts'
import { findFaintText } from './faint-text.ts'

const titles = {
  'in-process': 'in process',
  'worker-thread': 'on a worker thread',
  bullmq: 'in a queue, by another process',
}

describe('the page of docs/examples/upload/', () => {
  let folder: string
  let port: number
  let server: ServerProcess | undefined
  let browser: TestBrowser
  let page: Page

  beforeAll(async () => {
    browser = await startBrowser()
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'upload-test-'))
    port = await freePort()
    page = await browser.context.newPage()
  })
  afterEach(async () => {
    await page.close()
    await server?.stop()
    await rm(folder, { recursive: true })
  })

  async function open(step: keyof typeof titles): Promise<void> {
    await start(step)
    await page.goto(`http://127.0.0.1:${port}`)
  }

  async function start(step: keyof typeof titles): Promise<void> {
    const file = new URL(`../../docs/examples/upload/${step}.ts`, import.meta.url)
    const env = { TMPDIR: folder, REDIS_URL: undefined }
    server = await startServer([process.execPath, fileURLToPath(file)], { env, port })
  }

  it.each(['in-process', 'worker-thread', 'bullmq'] as const)(
    'says that it is %s, and compresses a sample',
    async (step) => {
      await open(step)
      await page.getByRole('heading', { level: 1 }).getByText(titles[step]).waitFor()
      await page.getByText('What is lost when the process dies').waitFor()
      await page.getByRole('button', { name: 'Use a sample file' }).click()
      await page.getByText(/^\d+ %$/).waitFor()
      await page.getByRole('progressbar', { name: 'Progress of sample.txt' }).waitFor()
      await page.getByText('✓ done').waitFor()
      await page.getByText(/compressed to \d+\.\d MB/).waitFor()
      const status = await page.getByRole('link', { name: 'its status' }).getAttribute('href')
      const told = await page.evaluate(
        async (address) => (await fetch(address)).json(),
        status ?? '',
      )
      expect(told).toMatchObject({ state: 'done', done: 1 })
    },
  )

  it('takes a file that is chosen, and gives the compressed one', async () => {
    await open('in-process')
    const text = 'a line\n'.repeat(1000)
    const file = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from(text) }
    await page.getByLabel('Choose files').setInputFiles(file)
    const downloading = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download' }).click()
    const download = await downloading
    expect(download.suggestedFilename()).toBe('notes.txt.gz')
    expect(gunzipSync(await readFile(await download.path())).toString()).toBe(text)
    expect(await page.getByRole('status').textContent()).toBe('notes.txt done')
  })

  it('shows in process that the server does not answer while it compresses', async () => {
    await open('in-process')
    await page.getByRole('button', { name: 'Use a sample file' }).click()
    await page.locator('.history .slow').first().waitFor({ state: 'attached' })
    await page.getByText('✓ done').waitFor()
    expect(parseInt((await page.locator('#slowest').textContent()) ?? '')).toBeGreaterThan(50)
  })

  it('says what is lost in process after a kill -9', async () => {
    await open('in-process')
    await page.getByRole('button', { name: 'Use a sample file' }).click()
    await page.getByText(/^\d+ %$/).waitFor()
    await server?.stop()
    await page.getByText('the server is gone, start it again').waitFor()
    await page.getByText('does not answer').waitFor()
    await start('in-process')
    await page.getByText('lost: the server does not know of it', { exact: true }).waitFor()
  })

  it('goes on with the queue after a kill -9', async () => {
    await open('bullmq')
    await page.getByRole('button', { name: 'Use a sample file' }).click()
    await page.getByText(/^\d+ %$/).waitFor()
    await server?.stop()
    await page.getByText('the server is gone, start it again').waitFor()
    await start('bullmq')
    await page.getByText('✓ done').waitFor({ timeout: 90_000 })
  })

  it.each([
    ['light', 1100],
    ['dark', 1100],
    ['light', 390],
    ['dark', 320],
  ] as const)('fits and can be read, %s and %d pixels wide', async (colorScheme, width) => {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme })
    await open('in-process')
    const file = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('text') }
    await page.getByLabel('Choose files').setInputFiles(file)
    await page.getByText('✓ done').waitFor()
    const size = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    expect(size).toEqual([width, width])
    expect(await page.evaluate(findFaintText)).toEqual([])
  })

  it('is worked by the keyboard', async () => {
    await open('in-process')
    await page.keyboard.press('Tab')
    const drop = page.locator('.drop')
    expect(await drop.evaluate((label) => getComputedStyle(label).outlineStyle)).toBe('solid')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('sample.txt').first().waitFor()
  })
})
