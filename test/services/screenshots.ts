// Draws the pictures of docs/images anew: `node test/services/screenshots.ts`.
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { startServer } from '../support/server-process.ts'
import { startBoard } from './bull-board.ts'
import { startBrowser } from './browser.ts'

const images = fileURLToPath(new URL('../../docs/images/', import.meta.url))
await mkdir(images, { recursive: true })
await drawBoard()
for (const colorScheme of ['light', 'dark'] as const) await drawDemo(colorScheme)

async function drawBoard(): Promise<void> {
  const browser = await startBrowser({ viewport: { width: 1440, height: 1000 } })
  const board = await startBoard()
  try {
    const page = await browser.context.newPage()
    await page.goto(`http://127.0.0.1:${board.server.port}/queues/queue/emails?status=latest`)
    await page.getByText('radia@example.com').first().waitFor()
    await page.screenshot({ path: `${images}bull-board.png` })
  } finally {
    await board.stop()
    await browser.close()
  }
}

/** The timeline of one request, for the README. */
async function drawDemo(colorScheme: 'light' | 'dark'): Promise<void> {
  const program = fileURLToPath(new URL('../../docs/examples/demo/main.ts', import.meta.url))
  const server = await startServer([process.execPath, program])
  const browser = await startBrowser({
    colorScheme,
    deviceScaleFactor: 2,
    viewport: { width: 1180, height: 1000 },
  })
  try {
    const page = await browser.context.newPage()
    await page.goto(`http://127.0.0.1:${server.port}`)
    await drawNotification(page, `${images}demo${colorScheme === 'dark' ? '-dark' : ''}.png`)
  } finally {
    await browser.close()
    await server.stop()
  }
}

async function drawNotification(page: Page, path: string): Promise<void> {
  // Not while the terminal's own request is drawn too.
  await page.getByText('3 tasks ran after that').waitFor()
  await page.getByRole('button', { name: 'Send a notification' }).click()
  const timeline = page.getByRole('article').first()
  await timeline.and(page.locator('[aria-busy=false]')).waitFor()
  // The README has code of its own, and a background of its own.
  await page.addStyleTag({ content: 'body { background: none } article details { display: none }' })
  await timeline.screenshot({ path, omitBackground: true })
}
