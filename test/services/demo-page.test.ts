import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { startBrowser, type TestBrowser } from './browser.ts'
import { findFaintText } from './faint-text.ts'

const program = fileURLToPath(new URL('../../docs/examples/demo/main.ts', import.meta.url))

describe('the page of npm run demo', () => {
  let folder: string
  let server: ServerProcess
  let origin: string
  let browser: TestBrowser
  let page: Page
  /** What the page has complained about. */
  let errors: string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'demo-test-'))
    server = await startServer([process.execPath, program], { env: { TMPDIR: folder } })
    origin = `http://127.0.0.1:${server.port}`
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => {
    page = await browser.context.newPage()
    errors = []
    page.on('pageerror', ({ message }) => errors.push(message))
    await page.goto(origin)
    await page.getByText('live', { exact: true }).waitFor()
  })
  afterEach(async () => {
    await page.close()
    expect(errors).toEqual([])
  })

  /** Presses the button, and returns the timeline of the request when all is over. */
  async function press(name: string): Promise<Locator> {
    const requested = page.waitForRequest((request) => request.url().startsWith(`${origin}/`))
    await page.getByRole('button', { name }).click()
    const id = (await requested).headers()['x-request-id'] ?? ''
    const timeline = page.getByRole('article').filter({ has: page.locator(`[id="title-${id}"]`) })
    await timeline.and(page.locator('[aria-busy=false]')).waitFor()
    return timeline
  }

  it('draws the request that the terminal has printed', async () => {
    const timeline = page.getByRole('article', { name: 'POST /send-notification/foo@example.com' })
    await timeline.getByText('from npm run demo').waitFor()
    await timeline.getByText('3 tasks ran after that').waitFor()
  })

  it('draws a notification: the response first, then each task', async () => {
    const timeline = await press('Send a notification')
    expect(await lanesOf(timeline)).toEqual([
      'client: last byte',
      'handler: returned',
      'body: closed',
      'writeNotification: ✓ done',
      'postToChat: ✓ done',
      'updateStatistics: ✓ done',
    ])
    await timeline.getByText('from this page').waitFor()
    await timeline.getByText('closed', { exact: true }).waitFor()
    const edge = await timeline.locator('.after').boundingBox()
    const bars = await timeline.locator('.bar.run').all()
    const starts = await Promise.all(bars.map(async (bar) => (await bar.boundingBox())?.x ?? 0))
    expect(starts).toHaveLength(3)
    expect(starts.every((start) => start >= (edge?.x ?? Infinity) - 1)).toBe(true)
    expect(starts).toEqual(starts.toSorted((a, b) => a - b))
  })

  it('draws while it happens', async () => {
    await page.getByRole('button', { name: 'Send a notification' }).click()
    const timeline = page.getByRole('article').first()
    const lane = timeline.locator('.lane.running').filter({ hasText: 'writeNotification' })
    await lane.getByText(/^running/).waitFor()
    const waiting = timeline.locator('.lane.waiting').filter({ hasText: 'updateStatistics' })
    expect(await waiting.locator('.state').textContent()).toBe('waiting')
    expect(await timeline.locator('.code-line.running').textContent()).toContain(
      'tasks.addTask(writeNotification',
    )
    const bar = lane.locator('.bar.run')
    const width = async (): Promise<number> => (await bar.boundingBox())?.width ?? 0
    const before = await width()
    await page.waitForFunction(
      (seen) => (document.querySelector('.running .bar.run')?.clientWidth ?? 0) > seen + 2,
      before,
    )
  })

  it('shows the code of the newest request', async () => {
    const first = await press('Process an upload')
    await first.getByText('withBackgroundTasks(acceptFile)').waitFor()
    await page.getByText('all at once').click()
    await page.getByText('go on', { exact: true }).click()
    const second = await press('Process an upload')
    await second.getByText('withBackgroundTasks(acceptFile, {').waitFor()
    await second.getByText("failure: 'continue',").waitFor()
    expect(await first.getByText('withBackgroundTasks(acceptFile)').isVisible()).toBe(false)
  })

  it('reads a stream to its end, and another one not', async () => {
    expect(await lanesOf(await press('Read a stream'))).toEqual([
      'client: last byte',
      'handler: returned',
      'body: closed',
      'releaseSnapshot: ✓ done',
      'countDownload: ✓ done',
      'keepForResume: – skipped',
    ])
    const left = await press('Leave it midway')
    expect(await lanesOf(left)).toEqual([
      'client: left',
      'handler: returned',
      'body: cancelled',
      'releaseSnapshot: ✓ done',
      'countDownload: ✓ done',
      'keepForResume: ✓ done',
    ])
    await left.getByText('Your browser left after').waitFor()
  })

  it('asks for a HEAD', async () => {
    const timeline = await press('Ask for a HEAD')
    expect(await lanesOf(timeline)).toContain('body: not asked for')
    await timeline.getByText('closed', { exact: true }).waitFor()
  })

  it('lets the handler throw', async () => {
    const timeline = await press('Let it throw')
    expect(await lanesOf(timeline)).toEqual([
      'client: last byte',
      'handler: threw',
      'body: none',
      'sendReceipt: – skipped',
      'writeAudit: ✓ done',
    ])
    await timeline.getByText('The handler threw: Card declined').waitFor()
    await timeline.getByText('thrown', { exact: true }).waitFor()
  })

  it.each([
    ['skip the rest', 'updateStatistics: – skipped'],
    ['go on', 'updateStatistics: ✓ done'],
  ])('lets the second task fail: %s', async (policy, last) => {
    await page.getByText(policy, { exact: true }).click()
    const timeline = await press('Send a notification')
    expect((await lanesOf(timeline)).slice(-3)).toEqual([
      'writeNotification: ✓ done',
      'postToChat: ✗ failed',
      last,
    ])
    await timeline.getByText('postToChat failed: the chat answers 503').waitFor()
  })

  it('lets two tasks of all requests run at a time', async () => {
    await page.getByText('limit of two').click()
    const button = page.getByRole('button', { name: 'Send a notification' })
    await button.click()
    await button.click()
    await page.locator('.lane.running').nth(1).waitFor()
    expect(await page.locator('.lane.waiting').count()).toBeGreaterThan(0)
    expect(await page.locator('.lane.running').count()).toBeLessThanOrEqual(2)
  })

  it('lets the client leave before the handler has returned', async () => {
    await page.getByText('leaves early').click()
    const timeline = await press('Send a notification')
    expect(await lanesOf(timeline)).toContain('client: left')
    await timeline.getByText('cancelled', { exact: true }).waitFor()
  })

  it('draws what curl asks, and gives the command for that', async () => {
    await page.getByText('go on', { exact: true }).click()
    await press('Ask for a HEAD')
    const command = (await page.locator('#curl').textContent()) ?? ''
    expect(command).toBe(`curl --head '${origin}/report?fail&failure=continue'`)
    await promisify(execFile)('sh', ['-c', command])
    const timeline = page.getByRole('article').filter({ hasText: 'from curl' })
    await timeline.and(page.locator('[aria-busy=false]')).waitFor()
  })

  it('draws what is asked with a path that is no URI, or pretends to be more', async () => {
    for (const name of ['%zz', '<img src=x onerror=alert(1)>']) {
      await fetch(`${origin}/orders/${name}`, { method: 'POST' })
    }
    await page.getByRole('article', { name: 'POST /orders/%zz' }).waitFor()
    await page.getByRole('article', { name: 'POST /orders/<img src=x' }).waitFor()
    expect(await page.locator('article img').count()).toBe(0)
  })

  it('is worked by the keyboard', async () => {
    await page.keyboard.press('Tab')
    const focused = page.locator(':focus')
    expect(await focused.textContent()).toContain('Send a notification')
    expect(await focused.evaluate((button) => getComputedStyle(button).outlineStyle)).toBe('solid')
    for (let count = 0; count < 6; count += 1) await page.keyboard.press('Tab')
    expect(await focused.getAttribute('name')).toBe('order')
    await page.keyboard.press('ArrowRight')
    expect(await focused.getAttribute('value')).toBe('concurrent')
    await page.keyboard.press('Tab')
    expect(await focused.getAttribute('name')).toBe('failure')
  })

  it('tells a screen reader what happens, each control by a name', async () => {
    await press('Let it throw')
    const log = page.getByRole('log')
    const said = (await log.textContent()) ?? ''
    expect(said).toContain('POST /orders: thrown. The handler threw an error.')
    expect(said).toContain('sendReceipt skipped')
    expect(said).toMatch(/writeAudit done after \d+\sms/)
    for (const name of ['Tasks run', 'The second one fails', 'The client']) {
      expect(await page.getByRole('group', { name }).getByRole('radio').count()).toBeGreaterThan(1)
    }
    const unnamed = await page.locator('button, input, a, summary').evaluateAll((controls) =>
      controls.filter((control) => {
        const label = control instanceof HTMLInputElement ? control.labels?.[0] : control
        return !label?.textContent?.trim()
      }),
    )
    expect(unnamed).toEqual([])
  })

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
    ['light', 320],
  ] as const)('fits and can be read, %s and %d pixels wide', async (colorScheme, width) => {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme })
    await press('Let it throw')
    const size = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    expect(size).toEqual([width, width])
    const faint = await page.evaluate(findFaintText)
    expect(faint).toEqual([])
  })

  it('moves no stripes for those who want less motion', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.getByRole('button', { name: 'Send a notification' }).click()
    const bar = page.locator('.running .bar.run').first()
    await bar.waitFor()
    expect(await bar.evaluate((element) => getComputedStyle(element).animationName)).toBe('none')
  })

  it('says when the demo has ended, and begins anew with the next one', async () => {
    const port = server.port
    await server.stop()
    await page.getByText('the demo has ended').waitFor()
    server = await startServer([process.execPath, program], { env: { TMPDIR: folder }, port })
    await page.getByText('live', { exact: true }).waitFor()
    await page.getByText('3 tasks ran after that').waitFor()
    expect(await page.getByRole('article').count()).toBe(1)
  })
})

/** The lanes, as they read: `writeNotification ✓ done in 501 ms`, without the time. */
async function lanesOf(timeline: Locator): Promise<string[]> {
  const lanes = await timeline.locator('.lane').all()
  return Promise.all(
    lanes.map(async (lane) => {
      const [name, state] = await Promise.all([
        lane.locator('.name').textContent(),
        lane.locator('.state').textContent(),
      ])
      return `${name}: ${state}`.replace(/ (?:in )?[\d.]+\s(?:ms|s)$/, '')
    }),
  )
}
