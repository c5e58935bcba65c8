import { testHost } from './suite.ts'

testHost('node-fetch-server')
