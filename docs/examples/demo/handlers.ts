/**
 * What the demo serves, FastAPI's examples first:
 * https://fastapi.tiangolo.com/tutorial/background-tasks/
 *
 * The page shows each region as it stands here, below the timeline of a request.
 */
import type { BackgroundTasks } from 'background-tasks'
import { backgroundTasks } from 'background-tasks/context'
import { writeLog } from './log.ts'
import {
  chargeCard,
  countDownload,
  findUser,
  keepForResume,
  lastSegmentOf,
  makePreview,
  postToChat,
  processFile,
  readReport,
  releaseSnapshot,
  scanForViruses,
  sendReceipt,
  storeFile,
  updateStatistics,
  writeAudit,
  writeNotification,
} from './work.ts'

// POST /send-notification/foo@example.com: functions and their arguments.

// #region sendNotification
export async function sendNotification(tasks: BackgroundTasks, request: Request) {
  const email = await findUser(request)
  tasks.addTask(writeNotification, email, { message: 'some notification' })
  tasks.addTask(postToChat, `a notification for ${email}`)
  tasks.addTask(updateStatistics)
  return Response.json({ message: 'Notification sent in the background' })
}
// #endregion

// POST /send-and-log/foo@example.com?q=some-query: a dependency adds to the same list.

// #region sendAndLog
export async function sendAndLog(request: Request) {
  findQuery(request)
  backgroundTasks().addTask(writeLog, `message to ${lastSegmentOf(request)}`)
  return Response.json({ message: 'Message sent' })
}

function findQuery(request: Request) {
  const q = new URL(request.url).searchParams.get('q')
  if (q) backgroundTasks().addTask(writeLog, `found query: ${q}`)
}
// #endregion

// POST /files/notes.txt: a file is accepted, and processed after that.

// #region acceptFile
export async function acceptFile(tasks: BackgroundTasks, request: Request) {
  const name = lastSegmentOf(request)
  const text = await storeFile(request)
  tasks.addTask(scanForViruses, text)
  tasks.addTask(makePreview, text)
  tasks.addTask(processFile, name, text)
  return Response.json({ message: 'File accepted' }, { status: 202 })
}
// #endregion

// GET and HEAD /report: a stream, read to its end, left midway, or not asked for.

// #region downloadReport
export async function downloadReport(tasks: BackgroundTasks) {
  tasks.addTask(releaseSnapshot)
  tasks.addTask(countDownload)
  tasks.addTask({ name: 'keepForResume', when: ['cancelled'], run: keepForResume })
  const headers = { 'content-type': 'text/csv' }
  return new Response(readReport(), { headers })
}
// #endregion

// POST /orders: the handler throws, and only one task is for that.

// #region placeOrder
export async function placeOrder(tasks: BackgroundTasks, request: Request) {
  tasks.addTask(sendReceipt)
  tasks.addTask({
    name: 'writeAudit',
    when: ['closed', 'thrown'],
    run: ({ outcome }) => writeAudit(`an order, ${outcome}`),
  })
  await chargeCard(request)
  return Response.json({ message: 'Ordered' }, { status: 201 })
}
// #endregion
