package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"tenantry/tenants/web"
)

// importCSV is a scenario of POST /api/projects/1/tasks/import.
func importCSV(name, file string, status int, contains ...string) scenario {
	return scenario{
		name: name, method: "POST", path: "/api/projects/1/tasks/import", body: file,
		header: []string{"Content-Type", "text/csv"}, status: status, contains: contains,
	}
}

// oneFault is importCSV of a file with one fault in all.
func oneFault(name, file, message string) scenario {
	s := importCSV(name, file, 422, `"errors":[{"field":"file","message":"`, message)
	s.lacks = []string{"row "}
	return s
}

// csvRows is a file of n rows; change gives a row other words.
func csvRows(n int, change map[int]string) string {
	var file strings.Builder
	file.WriteString("title,status,due_on,assignee_email\n")
	for i := 1; i <= n; i++ {
		if row, ok := change[i]; ok {
			file.WriteString(row + "\n")
			continue
		}
		fmt.Fprintf(&file, "Task %d,doing,2026-03-01,ADA@example.com\n", i)
	}
	return file.String()
}

func officeWithAda(t *testing.T, a *api) {
	t.Helper()
	a.create(t, "/api/users", `{"email":"Ada@Example.com","name":"Ada"}`)
	a.create(t, "/api/projects", `{"name":"Office"}`)
	a.create(t, "/api/projects/1/tasks", `{"title":"First"}`)
}

func TestImport(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		officeWithAda(t, a)
		reply := a.send(t, "POST", "/api/projects/1/tasks/import", csvRows(1000, nil), "Content-Type", "text/csv; charset=utf-8")
		if reply.Code != 201 || reply.Body.String() != `{"imported":1000}` || reply.Header().Get("Location") != "/api/projects/1/tasks" {
			t.Fatalf("status %d, location %q: %s", reply.Code, reply.Header().Get("Location"), reply.Body)
		}
		all := a.dump(t)
		if len(all.Tasks) != 1001 {
			t.Fatalf("%d tasks", len(all.Tasks))
		}
		for i, task := range all.Tasks[1:] {
			if task.Title != fmt.Sprintf("Task %d", i+1) || task.Position != int64(i+2)*1024 || task.Status != "doing" ||
				*task.AssigneeID != 1 || task.DueOn.String() != "2026-03-01" {
				t.Fatalf("task %d is %+v", i+1, task)
			}
		}
		last := all.Activity[len(all.Activity)-1]
		if len(all.Activity) != 4 || last.Action != "project.tasks_imported" || last.SubjectID != 1 || last.Summary != "imported 1000 tasks into project “Office”" {
			t.Errorf("%d activities, the last is %+v", len(all.Activity), last)
		}
	})
}

func TestImportForms(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		officeWithAda(t, a)
		runAll(t, a, []scenario{
			importCSV("title alone", "title\nA\n", 201, `{"imported":1}`),
			importCSV("no line break at the end", "title\nB", 201, `{"imported":1}`),
			importCSV("BOM", "\ufefftitle,due_on\nC,2026-01-01\n", 201, `{"imported":1}`),
			importCSV("rows of empty cells", "title,status\n,\nA,todo\n,,,\n \t,\nB,\n,\n", 201, `{"imported":2}`),
			importCSV("columns without a name", ",title,,status,\n,A,,todo,\n,,,,\n", 201, `{"imported":1}`),
			importCSV("rows of empty cells above the header", ",,\n\n,,\ntitle,status,\nA,todo,\n", 201, `{"imported":1}`),
			importCSV("rows that end before columns without a name", "title,status,,\nA,todo\nB,done,\n", 201, `{"imported":2}`),
			importCSV("the separator in a first line, as Excel reads it", "\ufeffsep=;\r\ntitle;status\r\nA, B;todo\r\n", 201, `{"imported":1}`),
			importCSV("a separator of its own", "sep=|\ntitle|status\nA;B|todo\n", 201, `{"imported":1}`),
			importCSV("semicolons below empty lines", "\n\ntitle;status\nA;todo\n", 201, `{"imported":1}`),
			importCSV("two BOMs", "\ufeff\ufefftitle\nA\n", 201, `{"imported":1}`),
			importCSV("empty cells behind the last column", "title,status\nA,todo,,,\n", 201, `{"imported":1}`),
			importCSV("semicolons", "title;status\nA, B;todo\n;\n", 201, `{"imported":1}`),
			importCSV("tabs and a BOM", "\ufefftitle\tstatus\r\nA;B\ttodo\r\n", 201, `{"imported":1}`),
			importCSV("lines that end with CR", "title,status\rA,todo\rB,done\r", 201, `{"imported":2}`),
			importCSV("spaces around names and values", " Title ,STATUS,due_on\nA, todo ,  \n", 201, `{"imported":1}`),
			importCSV("quoted header with a BOM", "\ufeff\"title\",\"status\"\n\"A\",\"todo\"\n", 201, `{"imported":1}`),
			importCSV("CRLF", "title,due_on\r\nD,\r\n", 201, `{"imported":1}`),
			importCSV("other order, empty cells", "assignee_email,due_on,status,title\n,,,E\n", 201, `{"imported":1}`),
			importCSV("quotes and empty lines", "title\n\n\"F, \"\"G\"\"\"\n\n", 201, `{"imported":1}`),
			{method: "GET", path: "/api/projects/1/tasks", status: 200, contains: []string{`"title":"F, \"G\"","status":"todo","assignee_id":null,"due_on":null`}},
		})
	})
}

// TestImportIsAllOrNothing has a fault in row 700 of 1,000.
func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		officeWithAda(t, a)
		for column, row := range map[string]string{
			"title":          `" ",doing,2026-03-01,`,
			"status":         `x,blocked,2026-03-01,`,
			"due_on":         `x,doing,31.02.2026,`,
			"assignee_email": `x,doing,2026-03-01,bob@example.com`,
		} {
			s := importCSV(column, csvRows(1000, map[int]string{700: row}), 422,
				fmt.Sprintf(`"errors":[{"field":"row 700, column %s","message":"`, column), "(line 701)")
			s.lacks = []string{"row 701", "row 1"}
			s.run(t, a)
		}
		importCSV("all faults", csvRows(1000, map[int]string{3: "x,y", 700: `,blocked,z,`, 900: "x,,,bob@example.com"}), 422,
			`{"field":"row 3","message":"has 2 cells where the header has 4 (line 4)"}`,
			`row 700, column title`, `row 700, column status`, `row 700, column due_on`, `row 900, column assignee_email`).run(t, a)
	})
}

func TestImportNamesTwentyFaults(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		officeWithAda(t, a)
		reply := a.must(t, 422, "POST", "/api/projects/1/tasks/import", "title,status\n"+strings.Repeat("x,y\n", 100), "Content-Type", "text/csv")
		var p web.Problem
		decode(t, reply, &p)
		if len(p.Errors) != 20 || p.Errors[19].Field != "row 20, column status" {
			t.Errorf("%d faults: %v", len(p.Errors), p.Errors)
		}
	})
}

func TestImportLimit(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		officeWithAda(t, a)
		importCSV("5,001 rows", "title\n"+strings.Repeat("x\n", 5001), 422, `{"field":"row 5001","message":"is one too many: there may be 5000 rows (line 5002)"}`).run(t, a)
		importCSV("5,000 rows", "title\n"+strings.Repeat("x\n", 5000), 201, `{"imported":5000}`).run(t, a)
	})
}

func TestImportRefusesBadFiles(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		officeWithAda(t, a)
		runAll(t, a, []scenario{
			importCSV("empty", "", 400, "empty"),
			importCSV("blank", "\n\n", 422, `"field":"header"`),
			importCSV("BOM alone", "\ufeff", 422, `"field":"header"`),
			importCSV("header alone", "title\n", 422, `"field":"row 1"`),
			importCSV("no header", "Order chairs\nOrder desks\n", 422, `header, column Order chairs`, `{"field":"header, column title","message":"is required"}`),
			importCSV("unknown column", "title,colour\nx,red\n", 422, `"field":"header, column colour"`),
			importCSV("doubled column", "title,title\nx,y\n", 422, `{"field":"header, column title","message":"is there twice"}`),
			importCSV("title is missing", "status\ntodo\n", 422, `header, column title`),
			oneFault("UTF-16", "\xff\xfet\x00i\x00t\x00l\x00e\x00\n\x00x\x00\n\x00", "UTF-16"),
			oneFault("UTF-16, big end first", "\xfe\xff\x00t\x00i\x00t\x00l\x00e\x00\n\x00x", "UTF-16"),
			oneFault("UTF-16 without a mark", "t\x00i\x00t\x00l\x00e\x00\n\x00x\x00\n\x00y\x00\n\x00", "UTF-16"),
			oneFault("Windows-1252", "title,status\nB\xfcro,todo\nT\xfcr,todo\n", "as line 2 shows"),
			oneFault("Latin-1 in the header", "titl\xe9\nx\n", "as line 1 shows"),
			oneFault("an image", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not text in UTF-8"),
			importCSV("text in a column without a name", "title,,\nx,,\ny,,z\n", 422, `"field":"row 2"`, "column 3", "(line 3)"),
			importCSV("text behind the last column", "title,status\nx,todo,,z\n", 422, `"field":"row 1"`),
			importCSV("too few cells", "title,status\nx\n", 422, `"field":"row 1"`),
			importCSV("separators in quotes", "\"a,title\";status\nx;todo\n", 422, `header, column a,title`),
			importCSV("the line below a separator", "sep=;\ntitle;status\nx;blocked\n", 422, `"row 1, column status"`, "(line 3)"),
			importCSV("a cell with a line break between lines that end with CR", "title,status\r\"A\nx\",todo\rB,done\r", 422, `row 1, column title`, "control characters"),
			importCSV("one cell", "title,status\nx\n", 422, "has 1 cell where the header has 2"),
			importCSV("no title in a row that isn't empty", "title,status\n,,\n,todo\n", 422, `"field":"row 1, column title"`, "(line 3)"),
			importCSV("rows of empty cells alone", "title,status\n,\n ,\t\n,,,\n", 422, `"field":"row 1","message":"is missing`),
			importCSV("title that shows nothing", "title\n\u200b\n", 422, `"field":"row 1, column title"`, "blank"),
			importCSV("quote in the header", "ti\"tle\nx\n", 422, `"field":"header"`),
			importCSV("open quote", "title\nx\n\"y\nz\n", 422, `{"field":"row 2","message":"has a quote that is not closed, or not doubled inside quotes (line 3)"}`),
			importCSV("bare quote", "title\nx\ny\"z\n", 422, `"field":"row 2"`),
			importCSV("too many cells", "title\nx,y\n", 422, `"field":"row 1"`),
			importCSV("title of two lines", "title\n\"a\nb\"\n", 422, `"field":"row 1, column title"`, "control characters"),
			importCSV("NUL", "title\na\x00b\n", 422, `"field":"row 1, column title"`),
			importCSV("NUL elsewhere", "title,status,due_on,assignee_email\nx,\x00,\x00,\x00\n", 422, `row 1, column status`, `row 1, column due_on`, `row 1, column assignee_email`),
			importCSV("long title", "title\n"+strings.Repeat("ü", 201)+"\n", 422, `"field":"row 1, column title"`),
			importCSV("long header", strings.Repeat("x", 100_000)+"\ny\n", 422, "…"),
			importCSV("letter that lowers into ASCII", "title,assignee_email\nx,Ada@Example.com\ny,\u212ada@example.com\n", 422, `"field":"row 2, column assignee_email"`),
			{name: "JSON", method: "POST", path: "/api/projects/1/tasks/import", body: `[]`, status: 415, contains: []string{"text/csv"}},
			{name: "no such project", method: "POST", path: "/api/projects/2/tasks/import", body: "title\nx\n", header: []string{"Content-Type", "text/csv"}, status: 404},
		})
	})
}
