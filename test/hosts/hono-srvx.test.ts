import { testHost } from './suite.ts'

testHost('hono-srvx')
