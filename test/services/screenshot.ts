// Draws docs/images/bull-board.png anew: `node test/services/screenshot.ts`.
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBoard } from './bull-board.ts'
import { chromium, install } from './install.ts'

const images = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const browser = await install(chromium)
const board = await startBoard()
try {
  await mkdir(images, { recursive: true })
  await promisify(execFile)(browser, [
    '--headless',
    '--no-sandbox',
    '--hide-scrollbars',
    '--window-size=1440,1000',
    '--virtual-time-budget=5000',
    `--screenshot=${images}bull-board.png`,
    `http://127.0.0.1:${board.server.port}/queues/queue/emails?status=latest`,
  ])
} finally {
  await board.stop()
}
