import {act, age, badge, bus, changeOrder, customerName, draw, due, every, get, h, hashOf, head, isAdmin, link, many,
	nameOf, normal, on, OPEN, pager, payment, retry, row, scope, searchBox, state, STATUSES, STEPS, swap, tabs, total,
	VERBS} from './page.js'

const TABS = ['open', ...STATUSES, 'all']
const REST_MS = 5000

export let last = '#/orders'
let counts = {}

export function orders({query}) {
	let orders = []
	let next, came, isStale, arrived, touched, pressed, seeking, counting, searching
	let turn = 0, beats = 0
	const {signal} = scope, fresh = new Set()
	const strip = h('div'), foot = h('div')
	const news = h('p.news', {'aria-live': 'polite'})
	const search = searchBox('orders', 'Name, phone, email, reference', query.q, q => {
		clearTimeout(searching)
		searching = setTimeout(() => signal.aborted || update({...query, q, after: '', at: ''}), 200)
	})
	const sound = h('input', {type: 'checkbox', checked: localStorage.sound === 'on', change: () => {
		localStorage.sound = sound.checked ? 'on' : 'off'
		beep()
	}})
	const body = h('tbody', {pointermove: see, focusin: see, click: open,
		pointerdown: ({target}) => { pressed = target }})
	const grid = h('table.orders', {'aria-label': 'Orders'},
		head('Order,Status,Age,Customer,Due,Payment,Items,Total,Next step'), body)

	const tab = () => TABS.includes(query.status) ? query.status : 'open'
	const shown = () => tab() === 'open' ? OPEN : tab() === 'all' ? STATUSES : [tab()]
	const isShown = it => shown().includes(it.status)
	// A queue is worked from its oldest; what is closed is looked up from its newest.
	const isQueue = () => shown().every(it => OPEN.includes(it))

	function keep(to) {
		query = to
		last = hashOf('orders', query)
		history.replaceState(null, '', last)
	}

	function update(to) {
		keep(to)
		if (search !== document.activeElement) search.value = query.q ?? ''
		fresh.clear()
		arrived = 0
		seeking = query.at
		news.replaceChildren()
		swap(foot, state('Loading…'))
		paintTabs()
		load()
	}

	async function load() {
		const mine = ++turn
		const {q, after} = query
		const status = tab() !== 'all' && shown().join()
		isStale = false
		touched = performance.now()
		came = []
		try {
			const found = await get('orders/', {status, q, after, limit: 50, order: isQueue() ? 'asc' : 'desc'})
			if (mine !== turn) return
			orders = found.orders.map(normal)
			next = found.next
			paint()
			// What the feed brought while the list was on its way.
			came.forEach(take)
			document.getElementById(`o${seeking}`)?.focus()
			seeking = ''
		} catch (fault) {
			if (mine !== turn) return
			swap(foot, retry(fault, load))
		}
		came = null
	}

	function paint() {
		paintRows()
		swap(foot, !orders.length && state(nothing()), pager('orders', {...query, at: ''}, next))
	}
	function paintRows() {
		swap(body, orders.map(rowOf))
		grid.hidden = !orders.length
	}
	function nothing() {
		const kind = tab() === 'all' ? '' : `${tab()} `
		// One call looks at 10,000 orders, and may find none among them.
		if (next) return 'Nothing so far.'
		if (!query.q) return `No ${kind}orders.`
		return ['Nothing matches here. ',
			kind && link(hashOf('orders', {status: 'all', q: query.q}), 'Search all orders')]
	}
	function rowOf(it) {
		const {id} = it
		const items = it.line_items.map(many).join(', ')
		const name = link(`#/orders/${id}`, nameOf(it), {id: `o${id}`, click: () => keep({...query, at: id})})
		return row([name, badge(it.status), age(it.created_at), customerName(it), due(it), payment(it),
			h('span', {title: items}, items), total(it), step(it)],
		{class: [isShown(it) ? '' : 'moved', fresh.has(id) ? 'fresh' : ''].join(' ')})
	}
	function step(it) {
		const [status] = isAdmin() && !it.isSimple && STEPS[it.status] || []
		// The button may be older than the order.
		const take = () => changeOrder(orders.find(({id}) => id === it.id), 'status', {status})
		return status && act(VERBS[status], take, {id: `n${it.id}`, of: nameOf(it), then: count})
	}

	function see({target}) {
		const seen = target.closest('.fresh')
		seen?.classList.remove('fresh')
		fresh.delete(orders[seen?.sectionRowIndex]?.id)
	}
	// What was pressed may be gone by now: a click that was meant for a button opens no order.
	function open({target}) {
		const isControl = [target, pressed].some(it => it?.closest('a,button'))
		if (!isControl && !`${getSelection()}`) target.closest('tr')?.querySelector('a').click()
	}

	function change(it) {
		const at = orders.findIndex(({id}) => id === it.id)
		const isHere = at >= 0
		if (isHere && it.version >= orders[at].version) {
			orders[at] = it
			paintRows()
		}
		isStale ||= isShown(it) !== isHere
		return isHere
	}

	// Takes an event in; gives an order that is new.
	function take({type, data}) {
		const it = normal(data.order)
		if (change(it) || type !== 'order.created') return
		if (isShown(it) && isQueue() && !query.q && !next) {
			fresh.add(it.id)
			orders.push(it)
			paint()
		}
		return it
	}

	function announce(it) {
		const words = [nameOf(it), customerName(it), total(it)].filter(Boolean).join(' · ')
		swap(news, h('b', ++arrived > 1 ? `${arrived} new, the last: ` : 'New: '), link(`#/orders/${it.id}`, words))
		if (sound.checked) beep()
	}

	function paintTabs() {
		swap(strip, tabs('Status', TABS, tab(), status => hashOf('orders', {status, q: query.q}),
			it => [it, counts[it] >= 0 && h('b', ` ${counts[it]}`)]))
	}
	async function count() {
		if (isAdmin()) counts = await get('orders/counts').catch(() => counts)
		counts.open = counts.pending + counts.processing + counts.ready
		paintTabs()
	}

	on(bus, 'event', ({detail}) => {
		came?.push(detail)
		const it = take(detail)
		if (it) announce(it)
		clearTimeout(counting)
		counting = setTimeout(count, 150)
	}, scope)
	on(bus, 'tick', () => {
		load()
		count()
	}, scope)
	on(document, 'pointermove pointerdown keydown wheel', () => { touched = performance.now() }, scope)
	every(1000, () => {
		if (performance.now() - touched < REST_MS) return
		if (isStale) load()
		else if (++beats % 20 === 0) paintRows()
	})
	draw(h('h1', 'Orders'), h('div.bar', search, isAdmin() && h('label', sound, ' Sound'), news,
		link('#/new', 'New order', {class: 'button'})), strip, grid, foot)
	update(query)
	count()
	return update
}

let audio
function beep() {
	audio ??= new AudioContext()
	const end = audio.currentTime + 0.4
	const tone = new OscillatorNode(audio)
	const volume = new GainNode(audio, {gain: 0.2})
	volume.gain.exponentialRampToValueAtTime(0.001, end)
	tone.connect(volume).connect(audio.destination)
	tone.start()
	tone.stop(end)
}
