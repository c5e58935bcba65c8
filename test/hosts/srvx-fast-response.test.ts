import { testHost } from './suite.ts'

testHost('srvx-fast-response')
