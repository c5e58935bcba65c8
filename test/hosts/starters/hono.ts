import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { createApp } from '../app/app.ts'
import { common, port } from '../app/node.ts'

const app = new Hono()
app.all('*', createApp({ ...common, request: (context: Context) => context.req.raw }))
serve({ port, hostname: '127.0.0.1', fetch: app.fetch })
