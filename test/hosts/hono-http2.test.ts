import { testHost } from './suite.ts'

testHost('hono-http2')
