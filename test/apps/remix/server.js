import { createRequestHandler } from '@remix-run/node'
import { createRequestListener } from '@remix-run/node-fetch-server'
import { provideBackgroundTasks } from 'background-tasks/context'
import express from 'express'

const vite =
  process.env.NODE_ENV === 'production'
    ? undefined
    : await (await import('vite')).createServer({ server: { middlewareMode: true } })
const build = vite
  ? () => vite.ssrLoadModule('virtual:remix/server-build')
  : await import('./build/server/index.js')

const app = express()
app.use(vite ? vite.middlewares : express.static('build/client'))
app.all('*', createRequestListener(provideBackgroundTasks(createRequestHandler(build))))
app.listen(process.env.PORT ?? 3000, process.env.HOST)
