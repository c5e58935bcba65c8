import { serve } from '@hono/node-server'
import { createHono } from '../app/hono.ts'
import { common, port } from '../app/node.ts'

serve({ port, hostname: '127.0.0.1', fetch: createHono(common).fetch })
