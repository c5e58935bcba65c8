import { H3, type H3Event, serve } from 'h3'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = new H3()
app.all('/**', createApp({ ...common, request: (event: H3Event) => event.req }))
serve(app, { port, hostname: '127.0.0.1', silent: true })
