import { testHost } from './suite.ts'

testHost('hono-node-server')
