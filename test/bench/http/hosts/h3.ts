import { provideBackgroundTasks } from 'background-tasks/context'
import { H3, type H3Event, onDispose, serve } from 'h3'
import onFinished from 'on-finished'
import type { Host } from '../handlers.ts'
import { later, runAfter } from './node-response.ts'

export const host: Host<H3Event> = {
  isAppProvided: true,
  serve(handler, port, way) {
    const app = new H3()
    if (way === 'provided') app.use(provideBackgroundTasks((_event, next) => next()))
    app.get('/', (event) => handler(event))
    return serve(app, { port, hostname: '127.0.0.1', silent: true })
  },
  floor(run, response, { runtime }) {
    runAfter(runtime?.node?.res, run)
    return response
  },
  ways: {
    onDispose(run, response, event) {
      onDispose(event, () => void setImmediate(run))
      return response
    },
    'on-finished'(run, response, { runtime }) {
      const res = runtime?.node?.res
      if (res) onFinished(res as never, () => setImmediate(run))
      return response
    },
    waitUntil(run, response, event) {
      event.waitUntil(later(run))
      return response
    },
  },
}
