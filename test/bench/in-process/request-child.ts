import { answerQuestions } from '../measure/processes.ts'
import { serveRequests } from './fake-host.ts'
import type { Answer, Question } from './request.ts'

const [way = '', isAsync] = process.argv.slice(2)
const serve = await serveRequests({ way, isAsync: isAsync === 'true', payload: 'constant' })

answerQuestions<Question, Answer>(async ({ requests }) => {
  globalThis.gc?.()
  const before = { ...process.cpuUsage(), heap: process.memoryUsage().heapUsed }
  await serve(requests)
  const { user, system } = process.cpuUsage(before)
  return { cpu: user + system, bytes: process.memoryUsage().heapUsed - before.heap }
})
