export * from './api.js'
export * from './format.js'
export * from './ui.js'
