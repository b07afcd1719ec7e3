import {bus, on, once, post, queryOf, scope} from './api.js'

export const $ = (selector, root = document) => root.querySelector(selector)

export function h(kind, ...rest) {
	const [name, ...names] = kind.split('.'), [tag, id] = name.split('#')
	const node = /^(svg|path)$/.test(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag)
	if (id) node.id = id
	if (names.length) node.setAttribute('class', names.join(' '))
	const props = rest[0]?.constructor === Object ? rest.shift() : {}
	for (const [key, value] of Object.entries(props)) {
		if (value == null || value === false) continue
		if (typeof value === 'function') node.addEventListener(key, value)
		else if (key === 'value') node.value = value
		else node.setAttribute(key, value === true ? '' : value)
	}
	node.append(...flat(rest))
	return node
}
const flat = children => children.flat(4).filter(it => it != null && it !== false)

let ids = 0

// What is the same stays: a click ends on the button on which it began, and a selection lasts.
export function swap(node, ...children) {
	const active = document.activeElement, id = node.contains(active) && active.id, wanted = h('div', ...children)
	merge(node, [...wanted.childNodes])
	if (id && !active.isConnected) document.getElementById(id)?.focus({preventScroll: true})
}

function merge(node, wanted) {
	wanted.forEach((it, n) => {
		const old = node.childNodes[n]
		if (!old) node.append(it)
		else if (old.isEqualNode(it)) return
		else if (old.cloneNode().isEqualNode(it.cloneNode())) merge(old, [...it.childNodes])
		else old.replaceWith(it)
	})
	while (node.childNodes[wanted.length]) node.lastChild.remove()
}

export const button = (text, click, props) => h('button', {type: 'button', click, ...props}, text)
export const link = (href, text, props) => h('a', {href, ...props}, text)
export const state = (...children) => h('p.state', children)
export const buttons = (...children) => h('p.buttons', children)
export const section = (title, ...children) => h('section.card', h('h2', title), children)
export const title = (...text) => h('h1', text)

export const num = (...text) => h('td.num', text)
export const head = (heads, row = []) => h('thead', h('tr', heads.split(',').map((it, n) => h('th', {scope: 'col', class: row[n]?.tagName === 'TD' && 'num'}, it))))
export const table = (label, heads, rows, foot) => rows.length === 0 ? state(`No ${label.toLowerCase()}.`) : h('div.scroll', {tabindex: 0, role: 'region', 'aria-label': label}, h('table',
	head(heads, rows[0]),
	h('tbody', rows.map(cells => h('tr', cells.map(it => it?.tagName === 'TD' ? it : h('td', it))))), foot))

export const facts = all => h('dl.facts', Object.entries(all).filter(([, it]) => it || it === 0)
	.map(([name, it]) => h('div', h('dt', name), h('dd', it))))

export function say(text, isFault) {
	const note = $('#note'), close = () => note.replaceChildren()
	clearTimeout(say.timer)
	note.replaceChildren(h(isFault ? 'p.fault' : 'p', text, button('Close', close, {class: 'plain'})))
	if (!isFault) say.timer = setTimeout(close, 6000)
}

export function dialog(text, ...children) {
	const box = h('dialog', {'aria-label': text, close: () => box.remove()}, h('h2', text), children)
	document.body.append(box)
	box.showModal()
	return box
}
export const closer = () => button('Close', ({target}) => target.closest('dialog').close())

async function ask(question, verb) {
	const box = dialog(question, h('form', {method: 'dialog'}, buttons(h('button.danger', {value: 'yes'}, verb), closer())))
	await once(box, 'close')
	return box.returnValue === 'yes'
}

export const secret = (name, text) => dialog(name, h('p', 'It is shown this once: copy it to where it is needed.'),
	h('code.secret', {tabindex: 0}, text), buttons(closer()))

export function show({main}, above, load, view, every) {
	const {signal} = scope, place = h('div', state('Loading…'))
	let turn = 0
	async function run() {
		const mine = ++turn
		const drawn = await load().then(view, fault => state(fault.message, ' ', button('Try again', run)))
		if (mine === turn && !signal.aborted) swap(place, drawn)
	}
	main.replaceChildren(...above.filter(Boolean), place)
	on(bus, 'tick', run, scope)
	const timer = every && setInterval(() => document.hidden || run(), every)
	on(signal, 'abort', () => clearInterval(timer))
	run()
	return run
}

export const plain = text => text?.replaceAll('_', ' ')
export const hashOf = (path, query) => `#/${path}?${queryOf(query)}`

export const tabs = (label, keys, text, current, hash) => h('nav.tabs', {'aria-label': label},
	keys.map(key => link(hash(key), text(key), {id: `t-${key}`, 'aria-current': key === current && 'page'})))

export const pager = (path, query, next) => (query.after || next) && buttons(
	query.after && link(hashOf(path, {...query, after: ''}), '« First page', {class: 'button'}),
	next && link(hashOf(path, {...query, after: next}), 'Next »', {class: 'button', id: 'next'}))

export const act = (text, path, {sure, said, then, of = '', ...props} = {}) => button(text, async event => {
	if (event.detail > 1 || (sure && !await ask(sure, text))) return
	try {
		const answer = await (path.call ? path() : post(path))
		if (said) say(said)
		await then?.(answer)
	} catch (fault) { say(fault.message, true) }
}, {id: path.call ? text + of : path, 'aria-label': `${text} ${of}`, class: sure && 'danger', ...props})

export function field(it) {
	if (!it.map) return it
	const [name, type = 'text', {label = plain(name.split('.').pop()), hint, value, ...rest} = {}] = it
	const id = `i${++ids}`, isCheck = type === 'checkbox', props = {id, name, 'aria-describedby': `${id}f`, ...rest}
	const control = type.map ? h('select', props, type.map(it => h('option', {value: it, selected: it === value}, plain(it) || '–')))
		: type === 'textarea' ? h('textarea', {rows: 2, ...props, value})
			: h('input', {autocomplete: 'off', ...props, type, ...(isCheck ? {checked: value} : {value})})
	const text = h('label', {for: id}, label, hint && ` (${hint})`)
	return h(isCheck ? 'div.field.check' : 'div.field', text, control, h('p.fault', {id: `${id}f`}))
}

const values = form => Object.fromEntries([...form.elements].filter(({name}) => name)
	.map(it => [it.name, it.type === 'checkbox' ? it.checked : it.value || undefined]))

export function form(children, verb, submit, {danger, more, ...props} = {}) {
	const go = h(`button.${danger ? 'danger' : 'primary'}`, verb), trouble = h('p.fault', {role: 'alert'})
	const node = h('form', {novalidate: true, ...props, submit: run}, children.map(field), trouble, buttons(go, more))
	const free = () => { go.removeAttribute('aria-disabled'); go.textContent = verb }

	async function run(event) {
		event.preventDefault()
		if (go.hasAttribute('aria-disabled')) return
		go.setAttribute('aria-disabled', 'true')
		for (const it of node.querySelectorAll('.fault')) it.textContent = ''
		for (const it of node.elements) it.removeAttribute('aria-invalid')
		try {
			await submit(values(node))
		} catch (fault) {
			trouble.textContent = fault.fields?.map(blame).join('') ?? fault.message
			$('[aria-invalid]', node)?.focus()
			if (fault.status === 429) return countDown(fault.retryAfter)
		}
		free()
	}
	function blame([name, text]) {
		const control = node.elements[name]
		if (!control?.id) return `${name}: ${text}. `
		control.setAttribute('aria-invalid', 'true')
		$(`#${control.id}f`).textContent = text
		return ''
	}
	function countDown(seconds) {
		go.textContent = `Again in ${seconds} s`
		if (seconds > 0) return setTimeout(countDown, 1000, seconds - 1)
		trouble.textContent = ''
		free()
	}
	return node
}

export function fold(text, fields, submit, props) {
	const node = h('details.fold', {toggle: () => {
		if (!node.open) return
		if (!node.lastChild.elements) node.append(form(fields.call ? fields() : fields, text, async given => {
			await submit(given)
			node.open = false
			node.lastChild.remove()
			node.firstChild.focus()
		}, props))
		$('input,select,textarea', node).focus()
	}}, h('summary', text))
	return node
}
export const folds = (...children) => h('div.folds', children)
