/** The work of the demo: each function takes its time, as a database or another server would. */
import { setTimeout as sleep } from 'node:timers/promises'
import { writeLog } from './log.ts'
import { currentTimeline } from './timelines.ts'

const encoder = new TextEncoder()

/** FastAPI's own example. */
export async function writeNotification(email: string, { message = '' } = {}): Promise<void> {
  await sleep(500)
  await writeLog(`notification for ${email}: ${message}`)
}

export async function postToChat(_message: string): Promise<void> {
  await sleep(300)
  failIfAsked('the chat answers 503')
}

export async function updateStatistics(): Promise<void> {
  await sleep(200)
}

export async function findUser(request: Request): Promise<string> {
  await sleep(200)
  return lastSegmentOf(request)
}

export async function storeFile(request: Request): Promise<string> {
  const [text] = await Promise.all([request.text(), sleep(120)])
  return text
}

export async function scanForViruses(_text: string): Promise<void> {
  await sleep(400)
}

export async function makePreview(_text: string): Promise<void> {
  await sleep(300)
  failIfAsked('there is no preview of this kind of file')
}

export async function processFile(name: string, text: string): Promise<void> {
  const lines = text.split('\n')
  for (const _ of lines) await sleep(10)
  await writeLog(`processed ${name}: ${lines.length} lines`)
}

/** A line of CSV every 150 ms, for as long as somebody reads. */
export function readReport(): ReadableStream {
  let line = 0
  return new ReadableStream({
    async pull(controller) {
      await sleep(150)
      controller.enqueue(encoder.encode(`${(line += 1)},${line * line}\n`))
      if (line === 10) controller.close()
    },
  })
}

export async function releaseSnapshot(): Promise<void> {
  await sleep(250)
}

export async function countDownload(): Promise<void> {
  await sleep(150)
  failIfAsked('the counter is locked')
}

export async function keepForResume(): Promise<void> {
  await sleep(350)
}

export async function sendReceipt(): Promise<void> {
  await sleep(300)
}

export async function writeAudit(_what: string): Promise<void> {
  await sleep(350)
  failIfAsked('the disk is full')
}

export async function chargeCard(_request: Request): Promise<never> {
  await sleep(120)
  throw new Error('Card declined')
}

export function lastSegmentOf(request: Request): string {
  return decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '')
}

/** The page can ask for a failure, to show what becomes of the other tasks. */
function failIfAsked(message: string): void {
  if (currentTimeline()?.shallFail) throw new Error(message)
}
