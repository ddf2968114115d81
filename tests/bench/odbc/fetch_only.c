/* The limit: binds the same C types in the same widths, fetches blocks of the same size and does nothing else.
   Arguments: connection string, query, rows of a block, "type:width,type:width,...". Prints rows and seconds. */
#include <sql.h>
#include <sqlext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int fail(SQLSMALLINT type, SQLHANDLE handle) {
  SQLCHAR state[6], text[1000];
  SQLGetDiagRec(type, handle, 1, state, 0, text, sizeof text, 0);
  fprintf(stderr, "%s %s\n", state, text);
  return 1;
}

int main(int count, char **arguments) {
  SQLHENV environment;
  SQLHDBC connection;
  SQLHSTMT statement;
  if (count < 5) return 2;
  long block = atol(arguments[3]);
  SQLAllocHandle(SQL_HANDLE_ENV, 0, &environment);
  SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, (void *)3, 0);
  SQLAllocHandle(SQL_HANDLE_DBC, environment, &connection);
  SQLRETURN code = SQLDriverConnect(connection, 0, (SQLCHAR *)arguments[1], SQL_NTS, 0, 0, 0, 0);
  if (!SQL_SUCCEEDED(code)) return fail(SQL_HANDLE_DBC, connection);
  SQLSetConnectAttr(connection, SQL_ATTR_AUTOCOMMIT, 0, 0);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  SQLAllocHandle(SQL_HANDLE_STMT, connection, &statement);
  code = SQLExecDirect(statement, (SQLCHAR *)arguments[2], SQL_NTS);
  if (!SQL_SUCCEEDED(code)) return fail(SQL_HANDLE_STMT, statement);
  int column = 1;
  for (char *part = strtok(arguments[4], ","); part; part = strtok(0, ","), column++) {
    int type, width;
    if (sscanf(part, "%d:%d", &type, &width) != 2) return 2;
    SQLBindCol(statement, column, type, malloc(block * width), width, malloc(block * sizeof(SQLLEN)));
  }
  SQLULEN fetched = 0;
  long rows = 0;
  SQLSetStmtAttr(statement, SQL_ATTR_ROW_ARRAY_SIZE, (void *)block, 0);
  SQLSetStmtAttr(statement, SQL_ATTR_ROWS_FETCHED_PTR, &fetched, 0);
  while ((code = SQLFetch(statement)) != SQL_NO_DATA) {
    if (!SQL_SUCCEEDED(code)) return fail(SQL_HANDLE_STMT, statement);
    rows += fetched;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("{\"rows\":%ld,\"seconds\":%f}\n", rows, end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9);
  return 0;
}
