import { serveStreamed } from '../app/lambda.ts'

await serveStreamed(() => import('../examples/aws-lambda.ts'))
